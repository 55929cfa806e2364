// Runs in: manager. The kernel's announcements of devices (Documentation/ABI/testing/sysfs-uevent, lib/kobject_uevent.c), and generic netlink.
#include "binding.h"

#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  KERNEL_GROUP = 1,           // group 2 is udev's own chatter
  RECEIVE_BUFFER = 16 << 20,  // a hub full of devices announces hundreds at once
};

static int64_t bind_uevent_socket(struct call *call) {
  (void)call;
  int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
  if (fd < 0) return -errno;
  int room = RECEIVE_BUFFER;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) < 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room); // without privilege: as much as the system allows
  struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = KERNEL_GROUP};
  if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
  int error = -errno;
  close(fd);
  return error;
}

// 0 for a message that the kernel did not send: any process with CAP_NET_ADMIN can write to this socket.
static int64_t bind_recv_uevent(struct call *call) {
  int fd = int_argument(call, 0);
  struct bytes into = bytes_argument(call, 1);
  REFUSED(call);
  struct sockaddr_nl sender = {0};
  struct iovec buffer = {.iov_base = into.data, .iov_len = into.length};
  struct msghdr message = {.msg_name = &sender, .msg_namelen = sizeof sender, .msg_iov = &buffer, .msg_iovlen = 1};
  ssize_t length = recvmsg(fd, &message, MSG_DONTWAIT);
  if (length < 0) return -errno;
  if (message.msg_namelen != sizeof sender || sender.nl_family != AF_NETLINK || sender.nl_pid != 0) return 0;
  return message.msg_flags & MSG_TRUNC ? -EMSGSIZE : length;
}

// Bound by the kernel; what is written there goes to the kernel, whose answer can be read at once (net/netlink/genetlink.c).
static int64_t bind_generic_netlink(struct call *call) {
  (void)call;
  return answer(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_GENERIC));
}

const struct binding netlink_bindings[] = {
    {"genericNetlink", bind_generic_netlink},
    {"ueventSocket", bind_uevent_socket},
    {"recvUevent", bind_recv_uevent},
    {0},
};
