// Runs in: every ring3 process. What a file descriptor can do whatever lies behind it.
#include "binding.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const int64_t MAX_SAFE_INTEGER = (INT64_C(1) << 53) - 1;

static int64_t bind_close(struct call *call) {
  int fd = int_argument(call, 0);
  REFUSED(call);
  int64_t result = answer(close(fd));
  return result == -EINTR ? 0 : result; // Linux has freed the number already; a retry would hit another file (close(2))
}

static int64_t bind_dup(struct call *call) {
  int fd = int_argument(call, 0);
  REFUSED(call);
  return answer(fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

static int64_t bind_close_on_exec(struct call *call) {
  int first = int_argument(call, 0);
  REFUSED(call);
  return answer(close_range((unsigned)first, UINT_MAX, CLOSE_RANGE_CLOEXEC));
}

static int64_t bind_pipe(struct call *call) {
  struct words out = words_argument(call, 0, 2);
  REFUSED(call);
  return answer(pipe2(out.data, O_CLOEXEC | O_NONBLOCK));
}

static int64_t bind_open(struct call *call) {
  char path[PATH_MAX];
  int too_long = text_argument(call, 0, path, sizeof path);
  int flags = int_argument(call, 1);
  mode_t mode = (mode_t)integer_argument(call, 2, 0, 07777);
  REFUSED(call);
  return too_long ? too_long : answer(open(path, flags | O_CLOEXEC | O_NOCTTY, mode));
}

static int64_t bind_read(struct call *call) {
  int fd = int_argument(call, 0);
  struct bytes into = bytes_argument(call, 1);
  REFUSED(call);
  return answer(read(fd, into.data, into.length));
}

static int64_t bind_write(struct call *call) {
  int fd = int_argument(call, 0);
  struct bytes from = bytes_argument(call, 1);
  REFUSED(call);
  return answer(write(fd, from.data, from.length));
}

static int64_t bind_pread(struct call *call) {
  int fd = int_argument(call, 0);
  struct bytes into = bytes_argument(call, 1);
  off_t offset = integer_argument(call, 2, 0, MAX_SAFE_INTEGER);
  REFUSED(call);
  return answer(pread(fd, into.data, into.length, offset));
}

static int64_t bind_pwrite(struct call *call) {
  int fd = int_argument(call, 0);
  struct bytes from = bytes_argument(call, 1);
  off_t offset = integer_argument(call, 2, 0, MAX_SAFE_INTEGER);
  REFUSED(call);
  return answer(pwrite(fd, from.data, from.length, offset));
}

static int64_t bind_file_size(struct call *call) {
  int fd = int_argument(call, 0);
  REFUSED(call);
  struct stat stat; // fstat(3) is a newfstatat since glibc 2.33: a call that takes a path, which no driver host may
  return syscall(SYS_fstat, fd, &stat) < 0 ? -errno : stat.st_size;
}

static int64_t bind_ftruncate(struct call *call) {
  int fd = int_argument(call, 0);
  off_t size = integer_argument(call, 1, 0, MAX_SAFE_INTEGER);
  REFUSED(call);
  return answer(ftruncate(fd, size));
}

static int64_t bind_flock(struct call *call) {
  int fd = int_argument(call, 0);
  REFUSED(call);
  return answer(flock(fd, LOCK_EX | LOCK_NB));
}

// The argument is memory (Uint8Array) or a plain number. Where the request's number tells a size (asm-generic/ioctl.h), memory must have it.
static int64_t bind_ioctl(struct call *call) {
  int fd = int_argument(call, 0);
  uint32_t request = (uint32_t)integer_argument(call, 1, 0, UINT32_MAX);
  if (kind_of(call, 2) == napi_number) {
    int number = int_argument(call, 2);
    REFUSED(call);
    return answer(ioctl(fd, request, (long)number));
  }
  struct bytes memory = bytes_argument(call, 2);
  if (memory.length < _IOC_SIZE(request)) refuse(call, 2, "a number or a Uint8Array of the request's size");
  REFUSED(call);
  return answer(ioctl(fd, request, memory.data));
}

const struct binding fd_bindings[] = {
    {"close", bind_close}, {"dup", bind_dup},     {"closeOnExec", bind_close_on_exec}, {"pipe", bind_pipe},          {"open", bind_open},
    {"read", bind_read},   {"write", bind_write}, {"pread", bind_pread},        {"pwrite", bind_pwrite},
    {"fileSize", bind_file_size},
    {"flock", bind_flock}, {"ioctl", bind_ioctl}, {"ftruncate", bind_ftruncate}, {0},
};
