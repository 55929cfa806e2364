// Runs in: every ring3 process. Processes by descriptor, so that a recycled pid is never hit (pidfd_open(2)); and what a process
// gives up of its own rights, for good.
#include "binding.h"

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static int64_t bind_pidfd_open(struct call *call) {
  int pid = int_argument(call, 0);
  int flags = int_argument(call, 1);
  REFUSED(call);
  return answer(syscall(SYS_pidfd_open, pid, flags)); // always close-on-exec
}

static int64_t bind_pidfd_send_signal(struct call *call) {
  int fd = int_argument(call, 0);
  int signal = int_argument(call, 1);
  REFUSED(call);
  return answer(syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0));
}

// On every thread of the process or, if one cannot have it, on none (seccomp(2)).
static int64_t bind_seccomp(struct call *call) {
  struct bytes program = bytes_argument(call, 0);
  bool no_new_privileges = bool_argument(call, 1);
  REFUSED(call);
  struct sock_fprog filter = {.len = (unsigned short)(program.length / sizeof(struct sock_filter)),
                              .filter = (struct sock_filter *)program.data};
  if (!filter.len || filter.len * sizeof(struct sock_filter) != program.length) return -EINVAL;
  if (no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -errno;
  unsigned flags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
  return answer(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter));
}

// Gives up every capability but those whose bits are set, for good: of this process and of all that it starts (capabilities(7)).
// Only the calling thread changes: before any other is started, or where none matters.
static int64_t bind_keep_capabilities(struct call *call) {
  uint32_t keep[2] = {(uint32_t)integer_argument(call, 0, 0, UINT32_MAX), (uint32_t)integer_argument(call, 1, 0, UINT32_MAX)};
  REFUSED(call);
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
    if (!(keep[capability / 32] >> capability % 32 & 1) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) return -errno;
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct held[2];
  if (syscall(SYS_capget, &header, held) < 0) return -errno;
  for (int half = 0; half < 2; half++) {
    held[half].effective &= keep[half];
    held[half].permitted &= keep[half];
    held[half].inheritable = 0;
  }
  return answer(syscall(SYS_capset, &header, held));
}

// On: what this thread is permitted is in effect, and its next children have it over their exec; off: neither (capabilities(7), "ambient").
static int64_t bind_lend_capabilities(struct call *call) {
  bool on = bool_argument(call, 0);
  REFUSED(call);
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct held[2];
  if (syscall(SYS_capget, &header, held) < 0) return -errno;
  for (int half = 0; half < 2; half++) {
    held[half].effective = on ? held[half].permitted : 0;
    held[half].inheritable = on ? held[half].permitted : 0; // what is not inheritable cannot be ambient
  }
  if (syscall(SYS_capset, &header, held) < 0) return -errno;
  for (int capability = 0; on && capability < 64; capability++)
    if (held[capability / 32].permitted >> capability % 32 & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0)
      return -errno;
  return 0;
}

// Soft and hard limit alike: there is no way back up (getrlimit(2)).
static int64_t bind_limit(struct call *call) {
  int resource = int_argument(call, 0);
  rlim_t most = (rlim_t)integer_argument(call, 1, 0, INT64_C(1) << 53);
  REFUSED(call);
  struct rlimit limit = {.rlim_cur = most, .rlim_max = most};
  return answer(setrlimit(resource, &limit));
}

enum { PROCESSORS = 1024 };

// How many processors this thread may use; their numbers into the words, as far as they have room.
static int64_t bind_affinity(struct call *call) {
  int thread = int_argument(call, 0);
  struct words into = words_argument(call, 1, 0);
  REFUSED(call);
  cpu_set_t set;
  if (sched_getaffinity(thread, sizeof set, &set) < 0) return -errno;
  size_t count = 0;
  for (int processor = 0; processor < PROCESSORS; processor++) {
    if (!CPU_ISSET(processor, &set)) continue;
    if (count < into.length) into.data[count] = processor;
    count++;
  }
  return (int64_t)count;
}

static int64_t bind_set_affinity(struct call *call) {
  int thread = int_argument(call, 0);
  struct words processors = words_argument(call, 1, 1);
  REFUSED(call);
  cpu_set_t set;
  CPU_ZERO(&set);
  for (size_t each = 0; each < processors.length; each++) {
    if (processors.data[each] < 0 || processors.data[each] >= PROCESSORS) return -EINVAL;
    CPU_SET(processors.data[each], &set);
  }
  return answer(sched_setaffinity(thread, sizeof set, &set));
}

const struct binding process_bindings[] = {
    {"affinity", bind_affinity},
    {"setAffinity", bind_set_affinity},
    {"pidfdOpen", bind_pidfd_open},
    {"pidfdSendSignal", bind_pidfd_send_signal},
    {"seccomp", bind_seccomp},
    {"limit", bind_limit},
    {"keepCapabilities", bind_keep_capabilities},
    {"lendCapabilities", bind_lend_capabilities},
    {0},
};
