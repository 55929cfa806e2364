// Runs in: every ring3 process. Shared memory: memfd, seals, mappings that live as long as their ArrayBuffer, futexes.
#include "binding.h"

#include <fcntl.h>
#include <link.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MEMFD_NAME_MAX = 249 };                         // memfd_create(2), without the NUL
static const int64_t MAPPING_MAX = INT64_C(1) << 32;   // V8 takes no larger ArrayBuffer on every build
static const int64_t OFFSET_MAX = INT64_C(1) << 53;
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

// One mapping. It goes when its handle and every ArrayBuffer of a part of it are collected.
struct region {
  uint8_t *address;
  size_t length;
  size_t users;
};
static const napi_type_tag region_tag = {0x72696e6733726567, 0x696f6e2d68616e64};

static void release(struct region *region) {
  if (--region->users) return;
  munmap(region->address, region->length);
  free(region);
}

static void collected(napi_env env, void *data, void *hint) {
  (void)env;
  release(hint ? hint : data);
}

static int64_t bind_map(struct call *call) {
  int fd = int_argument(call, 0);
  size_t length = (size_t)integer_argument(call, 1, 1, MAPPING_MAX);
  bool writable = bool_argument(call, 2);
  off_t offset = kind_of(call, 3) == napi_undefined ? 0 : (off_t)integer_argument(call, 3, 0, OFFSET_MAX);
  REFUSED(call);
  struct region *region = malloc(sizeof *region);
  if (!region) return -ENOMEM;
  *region = (struct region){.length = length, .users = 1};
  region->address = mmap(NULL, length, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, fd, offset);
  if (region->address == MAP_FAILED) {
    int64_t error = -errno;
    free(region);
    return error;
  }
  call->value = create_handle(call->env, region, collected, &region_tag);
  if (call->value) return 0;
  release(region);
  return -ENOMEM;
}

// V8 counts every ArrayBuffer as memory that a collection might free, and collects when there is much of it: so whoever has a large mapping
// takes the parts that he touches.
static int64_t bind_part(struct call *call) {
  struct region *region = handle_argument(call, 0, &region_tag);
  int64_t offset = integer_argument(call, 1, 0, region ? (int64_t)region->length : 0);
  int64_t length = integer_argument(call, 2, 1, region ? (int64_t)region->length - offset : 1);
  REFUSED(call);
  region->users++;
  if (napi_create_external_arraybuffer(call->env, region->address + offset, (size_t)length, collected, region,
                                       &call->value) == napi_ok)
    return 0;
  release(region);
  return -ENOMEM;
}

// What was mapped may stay open as long as it is; parts of it may still be looked at, and are zeros then.
static int64_t bind_unmap(struct call *call) {
  struct region *region = handle_argument(call, 0, &region_tag);
  REFUSED(call);
  void *zeros = mmap(region->address, region->length, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  return zeros == MAP_FAILED ? -errno : 0;
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

static int unmap_code(struct dl_phdr_info *object, size_t size, void *unmapped) {
  (void)size;
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  for (int i = 0; i < object->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
    if (segment->p_type != PT_LOAD || segment->p_flags & PF_W) continue;
    uintptr_t from = (object->dlpi_addr + segment->p_vaddr) / page * page;
    size_t length = object->dlpi_addr + segment->p_vaddr + segment->p_memsz - from;
    if (!madvise((void *)from, length, MADV_DONTNEED)) *(int64_t *)unmapped += (int64_t)length;
  }
  return 0;
}

// Of what the process never writes to: all of it can be read again from its file (elf(5), madvise(2)).
static int64_t bind_unmap_code(struct call *call) {
  (void)call;
  int64_t unmapped = 0;
  dl_iterate_phdr(unmap_code, &unmapped);
  return unmapped;
}

const struct binding memory_bindings[] = {
    {"memfdCreate", bind_memfd_create}, {"addSeals", bind_add_seals},   {"getSeals", bind_get_seals},
    {"map", bind_map},                  {"part", bind_part},            {"unmap", bind_unmap},
              {"futexWait", bind_futex_wait},
    {"futexWake", bind_futex_wake},     {"unmapCode", bind_unmap_code},
    {0},
};
