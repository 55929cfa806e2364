// Runs in: every ring3 process. Processes by descriptor, so that a recycled pid is never hit (pidfd_open(2)); and what a process
// gives up of its own rights, for good.
#include "binding.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
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

static int64_t bind_no_new_privileges(struct call *call) {
  (void)call;
  return answer(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

// On every thread of the process or, if one cannot have it, on none (seccomp(2)).
static int64_t bind_seccomp(struct call *call) {
  struct bytes program = bytes_argument(call, 0);
  REFUSED(call);
  struct sock_fprog filter = {.len = (unsigned short)(program.length / sizeof(struct sock_filter)),
                              .filter = (struct sock_filter *)program.data};
  if (!filter.len || filter.len * sizeof(struct sock_filter) != program.length) return -EINVAL;
  unsigned flags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
  return answer(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter));
}

// Soft and hard limit alike: there is no way back up (getrlimit(2)).
static int64_t bind_limit(struct call *call) {
  int resource = int_argument(call, 0);
  rlim_t most = (rlim_t)integer_argument(call, 1, 0, INT64_C(1) << 53);
  REFUSED(call);
  struct rlimit limit = {.rlim_cur = most, .rlim_max = most};
  return answer(setrlimit(resource, &limit));
}

const struct binding process_bindings[] = {
    {"pidfdOpen", bind_pidfd_open},
    {"pidfdSendSignal", bind_pidfd_send_signal},
    {"noNewPrivileges", bind_no_new_privileges},
    {"seccomp", bind_seccomp},
    {"limit", bind_limit},
    {0},
};
