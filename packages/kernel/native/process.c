// Runs in: keeper and manager. Processes by descriptor, so that a recycled pid is never hit (pidfd_open(2)).
#include "binding.h"

#include <sys/syscall.h>
#include <unistd.h>

static int64_t bind_pidfd_open(struct call *call) {
  int pid = int_argument(call, 0);
  REFUSED(call);
  return answer(syscall(SYS_pidfd_open, pid, 0)); // always close-on-exec
}

static int64_t bind_pidfd_send_signal(struct call *call) {
  int fd = int_argument(call, 0);
  int signal = int_argument(call, 1);
  REFUSED(call);
  return answer(syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0));
}

const struct binding process_bindings[] = {
    {"pidfdOpen", bind_pidfd_open},
    {"pidfdSendSignal", bind_pidfd_send_signal},
    {0},
};
