/* SPDX-License-Identifier: MIT */
#pragma once

/* PCI and what sits on it, for those who build a whole platform. */
#include "vmm/io/frames.c"
#include "vmm/io/link.c"
#include "vmm/io/slots.c"
#include "vmm/monitor/disk/disk_client.c"
#include "vmm/monitor/pci/pci_bar.c"
#include "vmm/monitor/pci/pci_bus.c"
#include "vmm/monitor/pci/pci_config.c"
#include "vmm/monitor/pci/pci_msix.c"
#include "vmm/monitor/virtio/virtio_add.c"
#include "vmm/monitor/virtio/virtio_balloon.c"
#include "vmm/monitor/virtio/virtio_blk.c"
#include "vmm/monitor/virtio/virtio_blk_pages.c"
#include "vmm/monitor/virtio/virtio_blk_request.c"
#undef CONFIG_BYTES
#include "vmm/monitor/virtio/virtio_console.c"
#include "vmm/monitor/virtio/virtio_net.c"
#include "vmm/monitor/virtio/virtio_net_control.c"
#include "vmm/monitor/virtio/virtio_net_flow.c"
#include "vmm/monitor/virtio/virtio_net_receive.c"
#include "vmm/monitor/virtio/virtio_net_send.c"
#include "vmm/monitor/virtio/virtio_rng.c"
#include "vmm/monitor/virtio/virtio_transport.c"
#include "vmm/monitor/virtio/virtqueue.c"
