// Runs in: manager and reflector. Owns: rings of io_uring (io_uring(7), linux/io_uring.h) that carry nothing but commands to devices.
#include "binding.h"

#include <linux/io_uring.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ENTRIES_MAX = 32768, ADDRESS_AT = 56 }; // struct io_uring_sqe: `cmd` is at 48, and whoever has an address in it has it 8 bytes on

struct mapping {
  uint8_t *at;
  size_t length;
};

struct ring {
  int fd; // -1 once closed
  struct mapping queues, submissions;
  unsigned entries, completion_mask;
  size_t submission_bytes; // 64, or 128 of a wide one
  _Atomic uint32_t *submission_head, *submission_tail, *submission_flags, *completion_head, *completion_tail;
  struct io_uring_cqe *completions;
};

static const napi_type_tag RING_TAG = {0x72696e6733000003, 0x7572696e67000001};

static bool map(struct mapping *mapping, int fd, size_t length, uint64_t offset) {
  void *at = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, (off_t)offset);
  if (at == MAP_FAILED) return false;
  *mapping = (struct mapping){.at = at, .length = length};
  return true;
}

static void close_ring(struct ring *ring) {
  if (ring->fd < 0) return;
  if (ring->queues.at) munmap(ring->queues.at, ring->queues.length);
  if (ring->submissions.at) munmap(ring->submissions.at, ring->submissions.length);
  close(ring->fd);
  ring->fd = -1;
}

static void finalize(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  close_ring(data);
  free(data);
}

// Whoever comes to command this process can do with the ring what its filter would refuse: so it takes one operation, from its first moment.
static int restrict_and_enable(int fd) {
  struct io_uring_restriction only = {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_URING_CMD};
  if (syscall(SYS_io_uring_register, fd, IORING_REGISTER_RESTRICTIONS, &only, 1) < 0) return -errno;
  return syscall(SYS_io_uring_register, fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0) < 0 ? -errno : 0;
}

static int open_ring(struct ring *ring, unsigned entries, unsigned completions, bool wide) {
  struct io_uring_params params = {
      .flags = IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL |
               (wide ? IORING_SETUP_SQE128 : 0),
      .cq_entries = completions,
  };
  ring->fd = (int)syscall(SYS_io_uring_setup, entries, &params);
  if (ring->fd < 0) return -errno;
  ring->entries = params.sq_entries;
  ring->submission_bytes = wide ? 128 : 64;
  ring->completion_mask = params.cq_entries - 1;
  size_t order_end = params.sq_off.array + params.sq_entries * sizeof(uint32_t);
  size_t completions_end = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
  size_t queues = order_end > completions_end ? order_end : completions_end; // IORING_FEAT_SINGLE_MMAP, since 5.4
  if (!map(&ring->queues, ring->fd, queues, IORING_OFF_SQ_RING) ||
      !map(&ring->submissions, ring->fd, params.sq_entries * ring->submission_bytes, IORING_OFF_SQES))
    return -errno;
  uint8_t *at = ring->queues.at;
  uint32_t *order = (uint32_t *)(at + params.sq_off.array);
  for (uint32_t entry = 0; entry < params.sq_entries; entry++) order[entry] = entry;
  ring->submission_head = (_Atomic uint32_t *)(at + params.sq_off.head);
  ring->submission_tail = (_Atomic uint32_t *)(at + params.sq_off.tail);
  ring->submission_flags = (_Atomic uint32_t *)(at + params.sq_off.flags);
  ring->completion_head = (_Atomic uint32_t *)(at + params.cq_off.head);
  ring->completion_tail = (_Atomic uint32_t *)(at + params.cq_off.tail);
  ring->completions = (struct io_uring_cqe *)(at + params.cq_off.cqes);
  return restrict_and_enable(ring->fd);
}

static int64_t bind_open(struct call *call) {
  unsigned entries = (unsigned)integer_argument(call, 0, 1, ENTRIES_MAX);
  unsigned completions = (unsigned)integer_argument(call, 1, 1, 2 * ENTRIES_MAX);
  bool wide = bool_argument(call, 2);
  REFUSED(call);
  struct ring *ring = calloc(1, sizeof *ring);
  if (!ring) return -ENOMEM;
  int failed = open_ring(ring, entries, completions, wide);
  if (!failed) call->value = create_handle(call->env, ring, finalize, &RING_TAG);
  if (call->value) return 0;
  close_ring(ring);
  free(ring);
  return failed ? failed : -ENOMEM;
}

static struct ring *ring_argument(struct call *call) { return handle_argument(call, 0, &RING_TAG); }

static int64_t bind_fd(struct call *call) {
  struct ring *ring = ring_argument(call);
  REFUSED(call);
  return ring->fd;
}

static int64_t bind_submit(struct call *call) {
  struct ring *ring = ring_argument(call);
  struct bytes commands = bytes_argument(call, 1);
  bool pointed = kind_of(call, 2) != napi_null;
  struct bytes memory = pointed ? bytes_argument(call, 2) : (struct bytes){0};
  REFUSED(call);
  if (ring->fd < 0) return -EBADF;
  uint32_t tail = atomic_load_explicit(ring->submission_tail, memory_order_relaxed);
  uint32_t head = atomic_load_explicit(ring->submission_head, memory_order_acquire);
  size_t count = commands.length / ring->submission_bytes;
  if (count == 0 || commands.length % ring->submission_bytes || count > ring->entries - (tail - head)) return -EINVAL;
  for (size_t index = 0; index < count; index++)
    memcpy(ring->submissions.at + ((tail + index) & (ring->entries - 1)) * ring->submission_bytes,
           commands.data + index * ring->submission_bytes, ring->submission_bytes);
  if (pointed) {
    uint64_t address = (uintptr_t)memory.data;
    memcpy(ring->submissions.at + (tail & (ring->entries - 1)) * ring->submission_bytes + ADDRESS_AT, &address, sizeof address);
  }
  atomic_store_explicit(ring->submission_tail, tail + (uint32_t)count, memory_order_release);
  return answer(syscall(SYS_io_uring_enter, ring->fd, tail + (uint32_t)count - head, 0, 0, NULL, 0));
}

static int64_t bind_reap(struct call *call) {
  struct ring *ring = ring_argument(call);
  struct words out = words_argument(call, 1, 2);
  REFUSED(call);
  if (ring->fd < 0) return -EBADF;
  if (atomic_load_explicit(ring->submission_flags, memory_order_relaxed) & IORING_SQ_CQ_OVERFLOW)
    syscall(SYS_io_uring_enter, ring->fd, 0, 0, IORING_ENTER_GETEVENTS, NULL, 0); // what had no room comes in now
  uint32_t head = atomic_load_explicit(ring->completion_head, memory_order_relaxed);
  uint32_t tail = atomic_load_explicit(ring->completion_tail, memory_order_acquire);
  size_t count = 0;
  for (; head != tail && 2 * count + 1 < out.length; head++, count++) {
    const struct io_uring_cqe *completion = &ring->completions[head & ring->completion_mask];
    out.data[2 * count] = (int32_t)completion->user_data;
    out.data[2 * count + 1] = completion->res;
  }
  atomic_store_explicit(ring->completion_head, head, memory_order_release);
  return (int64_t)count;
}

static int64_t bind_close(struct call *call) {
  struct ring *ring = ring_argument(call);
  REFUSED(call);
  close_ring(ring);
  return 0;
}

const struct binding uring_bindings[] = {
    {"uringOpen", bind_open},     {"uringFd", bind_fd},       {"uringSubmit", bind_submit},
    {"uringReap", bind_reap},     {"uringClose", bind_close}, {0},
};
