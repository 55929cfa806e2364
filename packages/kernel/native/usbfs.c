// Runs in: driver host. Owns: one usbfs descriptor, the URBs submitted on it and the memory mapped of it (linux/usbdevice_fs.h, drivers/usb/core/devio.c).
#include "binding.h"

#include <limits.h>
#include <linux/usbdevice_fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
  ISO_PACKETS_MAX = 128, // proc_do_submiturb
  PACKET_WORDS = 2,      // what usbfsReap tells of each packet: actual length, status
  MAPPING_MAX = 1 << 24, // usbfs_memory_mb: 16 MiB for the whole machine, unless root has changed it
};

// One URB in the kernel's hands. The kernel writes to `urb` and to the buffer when it is reaped, in the caller of the ioctl.
struct transfer {
  struct transfer *next;
  napi_ref buffer;
  int32_t id;
  struct usbdevfs_urb urb; // last: its packet descriptors follow
};

// Memory of the kernel's that the device reaches itself (usbdev_mmap). A mapping keeps the descriptor's file open, and with it the claimed
// interfaces, after close(2): so whoever lets a device go unmaps, and does not wait for the garbage collector.
struct mapping {
  struct mapping *next;
  napi_ref buffer;
  uint8_t *address;
  size_t length;
};

struct table {
  int fd; // -1 once closed
  struct transfer *transfers;
  struct mapping *mappings;
};

static const napi_type_tag USBFS_TAG = {0x72696e6733000002, 0x7573626673000001};

static struct transfer **find_id(struct table *table, int32_t id) {
  struct transfer **link = &table->transfers;
  while (*link && (*link)->id != id) link = &(*link)->next;
  return link;
}

static void forget(napi_env env, struct transfer **link) {
  struct transfer *transfer = *link;
  *link = transfer->next;
  napi_delete_reference(env, transfer->buffer);
  free(transfer);
}

// Its ArrayBuffer and all views of it are empty from here on.
static void unmap(napi_env env, struct mapping **link) {
  struct mapping *mapping = *link;
  napi_value buffer;
  *link = mapping->next;
  if (napi_get_reference_value(env, mapping->buffer, &buffer) == napi_ok && buffer) napi_detach_arraybuffer(env, buffer);
  napi_delete_reference(env, mapping->buffer);
  munmap(mapping->address, mapping->length);
  free(mapping);
}

// The place of the URB that the kernel gave back; NULL with errno if there was none, or none of ours.
static struct transfer **reap(struct table *table) {
  struct usbdevfs_urb *urb = NULL;
  if (ioctl(table->fd, USBDEVFS_REAPURBNDELAY, &urb) < 0) return NULL;
  for (struct transfer **link = &table->transfers; *link; link = &(*link)->next)
    if (&(*link)->urb == urb) return link;
  errno = EPROTO;
  return NULL;
}

// Discarding waits until the controller has let go (usb_kill_urb), so one round of reaping gets every URB back.
static void close_table(napi_env env, struct table *table) {
  if (table->fd < 0) return;
  for (struct transfer *transfer = table->transfers; transfer; transfer = transfer->next)
    ioctl(table->fd, USBDEVFS_DISCARDURB, &transfer->urb);
  for (struct transfer **link; table->transfers && (link = reap(table));) forget(env, link);
  close(table->fd);
  table->fd = -1;
  while (table->transfers) forget(env, &table->transfers);
}

static void finalize(napi_env env, void *data, void *hint) {
  (void)hint;
  struct table *table = data;
  close_table(env, table);
  while (table->mappings) unmap(env, &table->mappings);
  free(table);
}

// Takes the descriptor over: usbfsClose closes it, and so does the garbage collector if nobody else did.
static int64_t bind_usbfs_open(struct call *call) {
  int fd = (int)integer_argument(call, 0, 0, INT_MAX);
  REFUSED(call);
  struct table *table = calloc(1, sizeof *table);
  if (!table) return -ENOMEM;
  table->fd = fd;
  call->value = create_handle(call->env, table, finalize, &USBFS_TAG);
  if (call->value) return 0;
  free(table);
  return -ENOMEM;
}

// The kernel takes the size of an isochronous transfer from its packets alone: they must fit the buffer.
static uint32_t *packets_argument(struct call *call, unsigned index, size_t room, size_t *count) {
  napi_valuetype kind = kind_of(call, index);
  *count = 0;
  if (kind == napi_null || kind == napi_undefined) return NULL;
  napi_typedarray_type type;
  void *data;
  if (napi_get_typedarray_info(call->env, call->arguments[index], &type, count, &data, NULL, NULL) != napi_ok ||
      type != napi_uint32_array || *count < 1 || *count > ISO_PACKETS_MAX) {
    refuse(call, index, "null or a Uint32Array of 1 to 128 packet lengths");
    return NULL;
  }
  uint64_t sum = 0;
  for (size_t i = 0; i < *count; i++) sum += ((uint32_t *)data)[i];
  if (sum > room) refuse(call, index, "packet lengths that fit the buffer");
  return data;
}

// The buffer must be neither detached nor resized until its URB is reaped: the kernel has its address.
static int64_t bind_usbfs_submit(struct call *call) {
  struct table *table = handle_argument(call, 0, &USBFS_TAG);
  int32_t id = (int32_t)integer_argument(call, 1, 0, INT32_MAX);
  int type = (int)integer_argument(call, 2, USBDEVFS_URB_TYPE_ISO, USBDEVFS_URB_TYPE_BULK);
  int endpoint = (int)integer_argument(call, 3, 0, UINT8_MAX);
  unsigned flags = (unsigned)integer_argument(call, 4, 0, UINT32_MAX);
  struct bytes buffer = bytes_argument(call, 5);
  if (buffer.length > INT_MAX) refuse(call, 5, "a Uint8Array below 2 GiB");
  size_t packet_count;
  uint32_t *packets = packets_argument(call, 6, buffer.length, &packet_count);
  if (!packets == (type == USBDEVFS_URB_TYPE_ISO)) refuse(call, 6, "given for isochronous transfers and no others");
  REFUSED(call);
  if (table->fd < 0) return -EBADF;
  if (*find_id(table, id)) return -EEXIST;
  struct transfer *transfer = calloc(1, sizeof *transfer + packet_count * sizeof transfer->urb.iso_frame_desc[0]);
  if (!transfer) return -ENOMEM;
  transfer->id = id;
  transfer->urb = (struct usbdevfs_urb){
      .type = (unsigned char)type,
      .endpoint = (unsigned char)endpoint,
      .flags = flags,
      .buffer = buffer.data,
      .buffer_length = (int)buffer.length,
      .number_of_packets = (int)packet_count,
  };
  for (size_t i = 0; i < packet_count; i++) transfer->urb.iso_frame_desc[i].length = packets[i];
  napi_create_reference(call->env, call->arguments[5], 1, &transfer->buffer);
  transfer->next = table->transfers;
  table->transfers = transfer;
  if (ioctl(table->fd, USBDEVFS_SUBMITURB, &transfer->urb) == 0) return 0;
  int error = -errno;
  forget(call->env, &table->transfers);
  return error;
}

static int64_t bind_usbfs_discard(struct call *call) {
  struct table *table = handle_argument(call, 0, &USBFS_TAG);
  int32_t id = (int32_t)integer_argument(call, 1, 0, INT32_MAX);
  REFUSED(call);
  struct transfer *transfer = *find_id(table, id);
  if (!transfer) return -EINVAL; // as the kernel answers for an URB that it has completed
  return answer(ioctl(table->fd, USBDEVFS_DISCARDURB, &transfer->urb));
}

static int64_t bind_usbfs_reap(struct call *call) {
  struct table *table = handle_argument(call, 0, &USBFS_TAG);
  struct words out = words_argument(call, 1, 4);
  napi_valuetype kind = kind_of(call, 2);
  struct words packets = {0};
  if (kind != napi_null && kind != napi_undefined) packets = words_argument(call, 2, 0);
  REFUSED(call);
  struct transfer **link = reap(table);
  if (!link) return errno == EAGAIN ? 0 : -errno;
  const struct usbdevfs_urb *urb = &(*link)->urb;
  out.data[0] = (*link)->id;
  out.data[1] = urb->status;
  out.data[2] = urb->actual_length;
  out.data[3] = urb->error_count;
  for (size_t i = 0; i < (size_t)urb->number_of_packets && PACKET_WORDS * (i + 1) <= packets.length; i++) {
    packets.data[PACKET_WORDS * i] = (int32_t)urb->iso_frame_desc[i].actual_length;
    packets.data[PACKET_WORDS * i + 1] = (int32_t)urb->iso_frame_desc[i].status;
  }
  forget(call->env, link);
  return 1;
}

static int64_t bind_usbfs_map(struct call *call) {
  struct table *table = handle_argument(call, 0, &USBFS_TAG);
  size_t length = (size_t)integer_argument(call, 1, 1, MAPPING_MAX);
  REFUSED(call);
  if (table->fd < 0) return -EBADF;
  struct mapping *mapping = malloc(sizeof *mapping);
  if (!mapping) return -ENOMEM;
  *mapping = (struct mapping){.next = table->mappings, .length = length};
  mapping->address = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, table->fd, 0);
  int64_t error = mapping->address == MAP_FAILED ? -errno : 0;
  if (!error && (napi_create_external_arraybuffer(call->env, mapping->address, length, NULL, NULL, &call->value) != napi_ok ||
                 napi_create_reference(call->env, call->value, 1, &mapping->buffer) != napi_ok)) {
    munmap(mapping->address, length);
    error = -ENOMEM;
  }
  if (error) {
    call->value = NULL;
    free(mapping);
    return error;
  }
  table->mappings = mapping;
  return 0;
}

static int64_t bind_usbfs_unmap(struct call *call) {
  struct table *table = handle_argument(call, 0, &USBFS_TAG);
  void *address = NULL;
  size_t length = 0;
  if (napi_get_arraybuffer_info(call->env, call->arguments[1], &address, &length) != napi_ok)
    refuse(call, 1, "an ArrayBuffer of usbfsMap");
  REFUSED(call);
  struct mapping **link = &table->mappings;
  while (*link && ((*link)->address != address || !length)) link = &(*link)->next;
  if (!*link) return -EINVAL;
  for (struct transfer *transfer = table->transfers; transfer; transfer = transfer->next) {
    uint8_t *start = transfer->urb.buffer;
    if (start >= (*link)->address && start < (*link)->address + length) return -EBUSY;
  }
  unmap(call->env, link);
  return 0;
}

static int64_t bind_usbfs_close(struct call *call) {
  struct table *table = handle_argument(call, 0, &USBFS_TAG);
  REFUSED(call);
  close_table(call->env, table);
  return 0;
}

const struct binding usbfs_bindings[] = {
    {"usbfsOpen", bind_usbfs_open}, {"usbfsSubmit", bind_usbfs_submit}, {"usbfsDiscard", bind_usbfs_discard},
    {"usbfsReap", bind_usbfs_reap}, {"usbfsMap", bind_usbfs_map},       {"usbfsUnmap", bind_usbfs_unmap},
    {"usbfsClose", bind_usbfs_close}, {0},
};
