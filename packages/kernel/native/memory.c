// Runs in: every ring3 process. Shared memory: memfd, seals, mappings that live as long as their ArrayBuffer, futexes.
#include "binding.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MEMFD_NAME_MAX = 249 };                         // memfd_create(2), without the NUL
static const int64_t MAPPING_MAX = INT64_C(1) << 32;   // V8 takes no larger ArrayBuffer on every build
static const int64_t FUTEX_WAIT_MAX_MS = 60000;        // a thread that sleeps here cannot be ended: bounded

static int64_t bind_memfd_create(struct call *call) {
  char name[MEMFD_NAME_MAX + 1];
  int too_long = text_argument(call, 0, name, sizeof name);
  bool sealable = bool_argument(call, 1);
  REFUSED(call);
  return too_long ? too_long : answer(memfd_create(name, MFD_CLOEXEC | (sealable ? MFD_ALLOW_SEALING : 0)));
}

static int64_t bind_add_seals(struct call *call) {
  int fd = int_argument(call, 0);
  int seals = int_argument(call, 1);
  REFUSED(call);
  return answer(fcntl(fd, F_ADD_SEALS, seals));
}

static int64_t bind_get_seals(struct call *call) {
  int fd = int_argument(call, 0);
  REFUSED(call);
  return answer(fcntl(fd, F_GET_SEALS));
}

static void unmap(napi_env env, void *address, void *length) {
  (void)env;
  munmap(address, (size_t)length);
}

static int64_t bind_mmap(struct call *call) {
  int fd = int_argument(call, 0);
  size_t length = (size_t)integer_argument(call, 1, 1, MAPPING_MAX);
  bool writable = bool_argument(call, 2);
  REFUSED(call);
  void *address = mmap(NULL, length, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, fd, 0);
  if (address == MAP_FAILED) return -errno;
  // The finalizer's hint carries the length: there is nothing to allocate, so nothing to leak.
  if (napi_create_external_arraybuffer(call->env, address, length, unmap, (void *)length, &call->value) == napi_ok)
    return 0;
  munmap(address, length);
  return -ENOMEM;
}

static int32_t *futex_argument(struct call *call) {
  struct words words = words_argument(call, 0, 1);
  int64_t index = integer_argument(call, 1, 0, words.length ? (int64_t)words.length - 1 : 0);
  return words.data + (call->refused ? 0 : index);
}

// Blocks the calling thread. For workers, tests and polling clients; never on a main loop.
static int64_t bind_futex_wait(struct call *call) {
  int32_t *word = futex_argument(call);
  int expected = int_argument(call, 2);
  int64_t milliseconds = integer_argument(call, 3, 0, FUTEX_WAIT_MAX_MS);
  REFUSED(call);
  struct timespec timeout = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000};
  return answer(syscall(SYS_futex, word, FUTEX_WAIT, expected, &timeout, NULL, 0));
}

static int64_t bind_futex_wake(struct call *call) {
  int32_t *word = futex_argument(call);
  int count = (int)integer_argument(call, 2, 0, INT32_MAX);
  REFUSED(call);
  return answer(syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0));
}

const struct binding memory_bindings[] = {
    {"memfdCreate", bind_memfd_create}, {"addSeals", bind_add_seals},   {"getSeals", bind_get_seals},
    {"mmap", bind_mmap},                {"futexWait", bind_futex_wait}, {"futexWake", bind_futex_wake},
    {0},
};
