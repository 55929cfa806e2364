// Runs in: every ring3 process. Descriptors that are waited for as long as they are ready (level-triggered).
#include "binding.h"

#include <stdlib.h>
#include <sys/epoll.h>

enum { READABLE = 1, WRITABLE = 2, HANGUP = 4, ALL = READABLE | WRITABLE | HANGUP };

struct poll {
  struct source source;
  unsigned wanted;
};

static const napi_type_tag POLL_TAG = {0x72696e6733000001, 0x706f6c6c00000001};

static uint32_t epoll_events(unsigned wanted) {
  return (wanted & READABLE ? EPOLLIN : 0) | (wanted & WRITABLE ? EPOLLOUT : 0) | (wanted & HANGUP ? EPOLLRDHUP : 0);
}

// An error is told as everything: the next system call on the descriptor says what it is. A hangup ends every wait for it.
static void on_ready(struct source *source, uint32_t events) {
  const struct poll *poll = (const struct poll *)source;
  unsigned ready = (events & EPOLLIN ? READABLE : 0) | (events & EPOLLOUT ? WRITABLE : 0) | (events & EPOLLRDHUP ? HANGUP : 0);
  if (events & EPOLLHUP) ready |= poll->wanted;
  call_back(source->instance->env, source->callback, events & EPOLLERR ? ALL : ready);
}

static void release(struct source *source) { (void)source; }

static int64_t bind_poll_start(struct call *call) {
  int fd = int_argument(call, 0);
  unsigned wanted = (unsigned)integer_argument(call, 1, 0, ALL);
  if (kind_of(call, 2) != napi_function) refuse(call, 2, "a function");
  REFUSED(call);
  struct poll *poll = calloc(1, sizeof *poll);
  if (!poll) return -ENOMEM;
  *poll = (struct poll){.source = {.fd = fd, .ready = on_ready, .release = release}, .wanted = wanted};
  return source_start(call, &poll->source, 2, &POLL_TAG, epoll_events(wanted));
}

static int64_t bind_poll_set(struct call *call) {
  struct poll *poll = handle_argument(call, 0, &POLL_TAG);
  unsigned wanted = (unsigned)integer_argument(call, 1, 0, ALL);
  REFUSED(call);
  if (poll->wanted == wanted && !poll->source.stopped) return 0;
  poll->wanted = wanted;
  return source_set(&poll->source, epoll_events(wanted));
}

static int64_t bind_poll_stop(struct call *call) {
  struct poll *poll = handle_argument(call, 0, &POLL_TAG);
  REFUSED(call);
  return source_stop(&poll->source);
}

static int64_t bind_poll_ref(struct call *call) {
  struct poll *poll = handle_argument(call, 0, &POLL_TAG);
  bool keeps_loop_alive = bool_argument(call, 1);
  REFUSED(call);
  if (poll->source.stopped) return -EBADF;
  source_reference(&poll->source, keeps_loop_alive);
  return 0;
}

const struct binding poll_bindings[] = {
    {"pollStart", bind_poll_start},
    {"pollSet", bind_poll_set},
    {"pollStop", bind_poll_stop},
    {"pollRef", bind_poll_ref},
    {0},
};
