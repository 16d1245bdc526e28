/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"
#include "lib/types.h"

/* NVM Express 1.4: controller registers (3.1), as offsets into BAR 0. */
enum nvme_register {
	NVME_CAP = 0x00, /* 64 bits */
	NVME_VERSION = 0x08,
	NVME_INTMS = 0x0c,
	NVME_CC = 0x14,
	NVME_CSTS = 0x1c,
	NVME_AQA = 0x24,
	NVME_ASQ = 0x28, /* 64 bits */
	NVME_ACQ = 0x30, /* 64 bits */
	NVME_DOORBELLS = 0x1000,
};

#define NVME_CAP_MQES	 BITS(15, 0) /* the most entries of a queue, minus one */
#define NVME_CAP_TIMEOUT BITS(31, 24)
/*
 * lowest bit of the field with the longest time that the controller takes to start, in units of 500
 * ms
 */
#define NVME_CAP_TIMEOUT_SHIFT 24
#define NVME_CAP_STRIDE	       BITS(35, 32)
/* lowest bit of the field n: the doorbell registers are 4 << n bytes apart */
#define NVME_CAP_STRIDE_SHIFT 32
#define NVME_CAP_NVM	      BIT(37) /* the controller has the NVM command set */
/* field n: the smallest memory page of the controller has 4 KiB << n */
#define NVME_CAP_MPSMIN BITS(51, 48)

#define NVME_CC_ENABLE BIT(0)
#define NVME_CC_IOSQES (6u << 16) /* log 2 of the size of a submission queue's entry */
#define NVME_CC_IOCQES (4u << 20)

#define NVME_CSTS_READY BIT(0)
#define NVME_CSTS_FATAL BIT(1)

/* Opcodes of commands (NVM Express 1.4, sections 4.2, 5 and 6). */
enum nvme_admin {
	NVME_ADMIN_CREATE_SQ = 0x01,
	NVME_ADMIN_CREATE_CQ = 0x05,
	NVME_ADMIN_IDENTIFY = 0x06,
	NVME_ADMIN_SET_FEATURES = 0x09,
};
enum nvme_opcode {
	NVME_FLUSH = 0x00,
	NVME_WRITE = 0x01,
	NVME_READ = 0x02,
	NVME_WRITE_ZEROES = 0x08,
	NVME_DATASET_MANAGEMENT = 0x09,
};

struct nvme_command {
	u8 opcode;
	u8 flags;
	u16 id;
	u32 namespace;
	u64 reserved;
	u64 metadata;
	u64 prp1;
	u64 prp2;
	u32 cdw10;
	u32 cdw11;
	u32 cdw12;
	u32 cdw13;
	u32 cdw14;
	u32 cdw15;
};
_Static_assert(sizeof(struct nvme_command) == 64, "NVMe 4.2");

struct nvme_completion {
	u32 result;
	u32 reserved;
	u16 queue_head;
	u16 queue;
	u16 id;
	u16 status; /* status of the command; bit 0 is the completion's phase */
};
_Static_assert(sizeof(struct nvme_completion) == 16, "NVMe 4.6");
#define NVME_PHASE		   1u
#define NVME_STATUS		   BITS(11, 1) /* the command's status type and code; 0: success */
#define NVME_STATUS_INVALID_OPCODE (1u << 1)

#define NVME_QUEUE_CONTIGUOUS BIT(0)
#define NVME_QUEUE_INTERRUPT  BIT(1)

enum nvme_identify { NVME_IDENTIFY_NAMESPACE, NVME_IDENTIFY_CONTROLLER };
enum nvme_feature { NVME_FEATURE_WRITE_CACHE = 0x06, NVME_FEATURE_QUEUES = 0x07 };

/* Offsets into the 4 KiB that Identify returns of the controller (NVM Express 1.4, 5.15.2.2). */
enum nvme_controller_data {
	NVME_CTRL_SERIAL = 4, /* 20 characters */
	NVME_CTRL_MODEL = 24, /* 40 characters */
	NVME_CTRL_MDTS = 77,  /* log 2 of the most pages in one command; 0: no limit */
	NVME_CTRL_ONCS = 520,
	NVME_CTRL_VWC = 525,
};
#define NVME_ONCS_DATASET      BIT(2)
#define NVME_ONCS_WRITE_ZEROES BIT(3)
#define NVME_VWC_PRESENT       BIT(0)

/* Offsets into the 4 KiB that Identify returns of a namespace (NVM Express 1.4, 5.15.2.1). */
enum nvme_namespace_data {
	NVME_NS_SIZE = 0,     /* the namespace's size in blocks, 64 bits */
	NVME_NS_FORMATS = 25, /* the number of block formats, minus one */
	NVME_NS_FORMAT = 26,
	NVME_NS_ATTRIBUTES = 99,
	NVME_NS_LBAF = 128, /* offset of the list of block formats, four bytes each */
};
#define NVME_NS_FORMAT_NUMBER BITS(3, 0)
#define NVME_NS_PROTECTED     BIT(0)
#define NVME_LBAF_METADATA    BITS(15, 0)
/* field of a block format: log 2 of a block's size in bytes */
#define NVME_LBAF_SHIFT BITS(23, 16)

#define NVME_DSM_DEALLOCATE BIT(2)
struct nvme_range {
	u32 attributes;
	u32 blocks;
	u64 first;
};
_Static_assert(sizeof(struct nvme_range) == 16, "NVMe 6.7");
