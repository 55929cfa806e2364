// Runs in: every ring3 process. Peers with whom memory is shared. A peer's news are seen there. Before this process sleeps it makes its `parked`
// word odd and looks once more; a peer that finds it odd rings, by a byte in a pipe (not an eventfd, on which a peer can make a writer block). The
// pipes are waited for edge-triggered, so that they have to be read only now and then.
#include "binding.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
  RINGS_MAX = 2,
  DRAIN_EVERY = 128,   // wake-ups, each of which stands for a few bytes; the smallest pipe holds a page (pipe(7))
  NEEDLESS_MAX = 4096, // bytes: a peer rings at most once each time we park; one that rings so often in a row without news means harm
  SPINS = 256,         // looks at the memory between two at everything else, where a peer is polled
};

enum rung { NEWS, GONE, NEEDLESS };

typedef _Atomic uint32_t word;

struct bell {
  struct source source;
  struct bell *next;
  bool polled;
  unsigned undrained, needless;
  word *parked;
  const word *asked; // ours: so many answers are expected in the first ring; NULL: whatever comes, comes unasked
  size_t rings;
  struct {
    const word *head; // the peer's: so many it has produced
    const word *tail; // ours: so many were consumed
  } ring[RINGS_MAX];
  napi_ref own, peer; // the memories stay while they are looked at
};

static const napi_type_tag BELL_TAG = {0x72696e6733000001, 0x62656c6c00000001};

static bool has_news(const struct bell *bell) {
  for (size_t ring = 0; ring < bell->rings; ring++)
    if (atomic_load(bell->ring[ring].head) != atomic_load(bell->ring[ring].tail)) return true;
  return false;
}

bool bells_have_news(const struct instance *instance) {
  for (const struct bell *bell = instance->bells; bell; bell = bell->next)
    if (has_news(bell)) return true;
  return false;
}

bool bells_expect_news(const struct instance *instance) {
  for (const struct bell *bell = instance->bells; bell; bell = bell->next)
    if (!bell->asked || atomic_load(bell->asked) != atomic_load(bell->ring[0].tail)) return true;
  return false;
}

bool bells_polled_for_news(const struct instance *instance) {
  for (int spin = 0; spin < SPINS; spin++) {
    if (bells_have_news(instance)) return true;
#if defined __x86_64__
    __builtin_ia32_pause();
#elif defined __aarch64__
    __asm__ volatile("yield");
#endif
  }
  return false;
}

void bells_park(struct instance *instance) {
  for (struct bell *bell = instance->bells; bell; bell = bell->next) atomic_fetch_add(bell->parked, 1);
}

static void tell(struct bell *bell, enum rung rung) {
  call_back(bell->source.instance->env, bell->source.callback, rung);
}

bool bells_serve(struct instance *instance) {
  bool served = false;
  for (struct bell *bell = instance->bells, *next; bell; bell = next) {
    next = bell->next;
    if (!has_news(bell)) continue;
    bell->needless = 0;
    served = true;
    tell(bell, NEWS);
    if (next && next->source.stopped) break; // by what was told: begin anew
  }
  return served;
}

static unsigned drain(struct bell *bell) {
  static char drained[65536]; // all that a pipe of the usual size can hold
  ssize_t count = read(bell->source.fd, drained, sizeof drained);
  bell->undrained = 0;
  return count > 0 ? (unsigned)count : 0;
}

static void on_rung(struct source *source, uint32_t events) {
  struct bell *bell = (struct bell *)source;
  if (!has_news(bell)) bell->needless += drain(bell);
  else if (++bell->undrained == DRAIN_EVERY) drain(bell);
  if (bell->needless > NEEDLESS_MAX) tell(bell, NEEDLESS);
  else if (events & (EPOLLHUP | EPOLLERR)) tell(bell, GONE);
}

static void release(struct source *source) {
  struct bell *bell = (struct bell *)source;
  struct instance *instance = source->instance;
  struct bell **link = &instance->bells;
  while (*link != bell) link = &(*link)->next;
  *link = bell->next;
  instance->polled -= bell->polled;
  napi_delete_reference(instance->env, bell->own);
  napi_delete_reference(instance->env, bell->peer);
}

static uint32_t *shared_argument(struct call *call, unsigned index, size_t *length) {
  napi_typedarray_type type;
  void *data = NULL;
  if (napi_get_typedarray_info(call->env, call->arguments[index], &type, length, &data, NULL, NULL) != napi_ok ||
      type != napi_uint32_array)
    refuse(call, index, "a Uint32Array");
  return data;
}

static int64_t bind_bell_start(struct call *call) {
  size_t own_length, peer_length;
  int fd = int_argument(call, 0);
  uint32_t *own = shared_argument(call, 1, &own_length);
  uint32_t *peer = shared_argument(call, 2, &peer_length);
  struct words at = words_argument(call, 3, 4);
  bool polled = bool_argument(call, 4);
  if (kind_of(call, 5) != napi_function) refuse(call, 5, "a function");
  REFUSED(call);
  size_t rings = (at.length - 2) / 2;
  if (at.length % 2 == 1 || rings > RINGS_MAX) refuse(call, 3, "parked, asked, and head and tail of one ring or two");
  for (size_t word = 0; word < at.length && !call->refused; word++)
    if ((at.data[word] < 0 && word != 1) || at.data[word] >= (int64_t)(word > 1 && word % 2 == 0 ? peer_length : own_length))
      refuse(call, 3, "words of the two memories");
  REFUSED(call);

  struct bell *bell = calloc(1, sizeof *bell);
  if (!bell) return -ENOMEM;
  *bell = (struct bell){.source = {.fd = fd, .ready = on_rung, .release = release}, .polled = polled, .rings = rings};
  bell->parked = (word *)&own[at.data[0]];
  if (at.data[1] >= 0) bell->asked = (const word *)&own[at.data[1]];
  for (size_t ring = 0; ring < rings; ring++) {
    bell->ring[ring].head = (const word *)&peer[at.data[2 + 2 * ring]];
    bell->ring[ring].tail = (const word *)&own[at.data[3 + 2 * ring]];
  }
  int error = source_start(call, &bell->source, 5, &BELL_TAG, EPOLLIN | EPOLLET);
  if (error < 0) return error;
  napi_create_reference(call->env, call->arguments[1], 1, &bell->own);
  napi_create_reference(call->env, call->arguments[2], 1, &bell->peer);
  struct instance *instance = bell->source.instance;
  bell->next = instance->bells;
  instance->bells = bell;
  instance->polled += polled;
  return 0;
}

static int64_t bind_bell_stop(struct call *call) {
  struct bell *bell = handle_argument(call, 0, &BELL_TAG);
  REFUSED(call);
  return source_stop(&bell->source);
}

static int64_t bind_bell_ring(struct call *call) {
  int fd = int_argument(call, 0);
  REFUSED(call);
  return answer(write(fd, "", 1));
}

const struct binding bell_bindings[] = {
    {"bellStart", bind_bell_start},
    {"bellStop", bind_bell_stop},
    {"bellRing", bind_bell_ring},
    {0},
};
