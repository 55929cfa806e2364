// Runs in: every ring3 process. Unix stream sockets and the descriptors that travel over them (unix(7)).
#include "binding.h"

#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

enum {
  DESCRIPTORS_MAX = 253, // SCM_MAX_FD, include/net/scm.h
  BUFFERS_MAX = 64,
  STREAM = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
};

union ancillary { // aligned as cmsg(3) asks
  struct cmsghdr header;
  char room[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
};

static int64_t bind_socketpair(struct call *call) {
  struct words out = words_argument(call, 0, 2);
  REFUSED(call);
  return answer(socketpair(AF_UNIX, STREAM, 0, out.data));
}

static int address_argument(struct call *call, struct sockaddr_un *address) {
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  int error = text_argument(call, 0, address->sun_path, sizeof address->sun_path);
  if (!error && !call->refused && !address->sun_path[0]) return -ENOENT; // bind(2) would choose an abstract name
  return error;
}

// The mode is set on the socket before bind, which copies it to the path (unix_bind): there is no moment at which others may connect.
static int64_t bind_listen_unix(struct call *call) {
  struct sockaddr_un address;
  int error = address_argument(call, &address);
  int backlog = (int)integer_argument(call, 1, 0, INT_MAX);
  mode_t mode = (mode_t)integer_argument(call, 2, 0, 0777);
  REFUSED(call);
  if (error) return error;
  int fd = socket(AF_UNIX, STREAM, 0);
  if (fd < 0) return -errno;
  if (fchmod(fd, mode) == 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, backlog) == 0)
    return fd;
  error = -errno;
  close(fd);
  return error;
}

static int64_t bind_connect_unix(struct call *call) {
  struct sockaddr_un address;
  int error = address_argument(call, &address);
  REFUSED(call);
  if (error) return error;
  int fd = socket(AF_UNIX, STREAM, 0);
  if (fd < 0) return -errno;
  if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
  error = -errno;
  close(fd);
  return error;
}

// sd_notify(3): a leading "@" stands for the NUL of an abstract name, whose length is part of it.
static int64_t bind_send_datagram(struct call *call) {
  struct sockaddr_un address;
  int error = address_argument(call, &address);
  struct bytes message = bytes_argument(call, 1);
  REFUSED(call);
  if (error) return error;
  socklen_t size = offsetof(struct sockaddr_un, sun_path) + strlen(address.sun_path);
  if (address.sun_path[0] == '@')
    address.sun_path[0] = 0;
  else
    size++;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  ssize_t sent = sendto(fd, message.data, message.length, MSG_NOSIGNAL, (struct sockaddr *)&address, size);
  error = sent < 0 ? -errno : (int)sent;
  close(fd);
  return error;
}

static int64_t bind_accept(struct call *call) {
  int fd = int_argument(call, 0);
  REFUSED(call);
  return answer(accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

static size_t buffers_argument(struct call *call, unsigned index, struct iovec *out) {
  napi_value items[BUFFERS_MAX];
  size_t count = array_argument(call, index, BUFFERS_MAX);
  // Two rounds: reading an element may run JavaScript, which could pull away the memory of one read before.
  for (uint32_t i = 0; i < count && !call->refused; i++)
    if (napi_get_element(call->env, call->arguments[index], i, &items[i]) != napi_ok)
      refuse(call, index, "an array of Uint8Array");
  for (uint32_t i = 0; i < count && !call->refused; i++) {
    napi_typedarray_type type;
    if (napi_get_typedarray_info(call->env, items[i], &type, &out[i].iov_len, &out[i].iov_base, NULL, NULL) != napi_ok ||
        type != napi_uint8_array)
      refuse(call, index, "an array of Uint8Array");
  }
  return count;
}

static size_t descriptors_argument(struct call *call, unsigned index, int *out) {
  size_t count = array_argument(call, index, DESCRIPTORS_MAX);
  for (uint32_t i = 0; i < count && !call->refused; i++) {
    napi_value item;
    double number;
    if (napi_get_element(call->env, call->arguments[index], i, &item) != napi_ok ||
        napi_get_value_double(call->env, item, &number) != napi_ok || !(number >= 0 && number <= INT_MAX) ||
        (out[i] = (int)number) != number)
      refuse(call, index, "an array of descriptors");
  }
  return count;
}

// Descriptors travel with the first byte: after a short write the rest goes without them. Without any it is writev, since a
// driver host's filter lets no sendmsg through, which could carry some.
static int64_t bind_sendmsg(struct call *call) {
  int fd = int_argument(call, 0);
  struct iovec buffers[BUFFERS_MAX];
  int descriptors[DESCRIPTORS_MAX];
  union ancillary ancillary;
  struct msghdr message = {.msg_iov = buffers};
  size_t count = descriptors_argument(call, 2, descriptors); // first, for the same reason
  message.msg_iovlen = buffers_argument(call, 1, buffers);
  REFUSED(call);
  if (!count) return answer(writev(fd, buffers, (int)message.msg_iovlen));
  message.msg_control = &ancillary;
  message.msg_controllen = CMSG_SPACE(count * sizeof(int));
  memset(&ancillary, 0, message.msg_controllen);
  ancillary.header.cmsg_level = SOL_SOCKET;
  ancillary.header.cmsg_type = SCM_RIGHTS;
  ancillary.header.cmsg_len = CMSG_LEN(count * sizeof(int));
  memcpy(CMSG_DATA(&ancillary.header), descriptors, count * sizeof(int));
  return answer(sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT));
}

static size_t collect_descriptors(struct msghdr *message, int *out) {
  size_t count = 0;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    size_t more = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(out + count, CMSG_DATA(header), more * sizeof(int));
    count += more;
  }
  return count;
}

// CMSG_LEN, not CMSG_SPACE, is the room offered: padding would let one more descriptor in than the caller can take.
static int64_t bind_recvmsg(struct call *call) {
  int fd = int_argument(call, 0);
  struct bytes into = bytes_argument(call, 1);
  struct words out = words_argument(call, 2, 1);
  REFUSED(call);
  size_t capacity = out.length - 1 < DESCRIPTORS_MAX ? out.length - 1 : DESCRIPTORS_MAX;
  struct iovec buffer = {.iov_base = into.data, .iov_len = into.length};
  union ancillary ancillary;
  struct msghdr message = {.msg_iov = &buffer, .msg_iovlen = 1};
  if (capacity) {
    message.msg_control = &ancillary;
    message.msg_controllen = CMSG_LEN(capacity * sizeof(int));
  }
  out.data[0] = 0;
  ssize_t length = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (length < 0) return -errno;
  size_t count = collect_descriptors(&message, out.data + 1);
  if (message.msg_flags & MSG_CTRUNC) { // the kernel dropped some: what is left means nothing
    while (count) close(out.data[count--]);
    return -EMSGSIZE;
  }
  out.data[0] = (int32_t)count;
  return length;
}

static int64_t bind_shutdown(struct call *call) {
  int fd = int_argument(call, 0);
  int how = (int)integer_argument(call, 1, SHUT_RD, SHUT_RDWR);
  REFUSED(call);
  return answer(shutdown(fd, how));
}

static int64_t bind_peer_credentials(struct call *call) {
  int fd = int_argument(call, 0);
  struct words out = words_argument(call, 1, 3);
  REFUSED(call);
  struct ucred peer;
  socklen_t length = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) return -errno;
  out.data[0] = peer.pid;
  out.data[1] = (int32_t)peer.uid;
  out.data[2] = (int32_t)peer.gid;
  return 0;
}

const struct binding socket_bindings[] = {
    {"socketpair", bind_socketpair}, {"listenUnix", bind_listen_unix}, {"connectUnix", bind_connect_unix},
    {"sendDatagram", bind_send_datagram}, {"accept", bind_accept},         {"sendmsg", bind_sendmsg},        {"recvmsg", bind_recvmsg},
    {"shutdown", bind_shutdown},      {"peerCredentials", bind_peer_credentials},
    {0},
};
