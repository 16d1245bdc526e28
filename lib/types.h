/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

/*
 * Addresses of different worlds are different types: mixing them up does not compile.
 * hpa: host physical, hva: host virtual (a kernel or process address kept as a number).
 * vmm/monitor/memory/guest_memory.h has those of a guest.
 */
typedef struct hpa {
	u64 value;
} hpa_t;

typedef struct hva {
	u64 value;
} hva_t;

#define HPA(x) ((hpa_t){(x)})
#define HVA(x) ((hva_t){(x)})

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096ul
#define PAGE_MASK  (PAGE_SIZE - 1)

#define KIB 1024ul
#define MIB (1024ul * KIB)
#define GIB (1024ul * MIB)

#define NS_PER_US 1000ul
#define NS_PER_MS 1000000ul
#define NS_PER_S  1000000000ul

#define ARRAY_COUNT(a)			(sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)			((a) < (b) ? (a) : (b))
#define MAX(a, b)			((a) > (b) ? (a) : (b))
#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#define PACKED		  __attribute__((packed))
#define ALIGNED(n)	  __attribute__((aligned(n)))
#define NORETURN	  __attribute__((noreturn))
#define MUST_CHECK	  __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define SECTION(name)	  __attribute__((section(name)))
#define USED		  __attribute__((used))
#define UNUSED		  __attribute__((unused))
/* Keeps seldom needed code apart: its registers and buffers stay out of the caller's frame. */
#define NOINLINE      __attribute__((noinline))
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define likely(x)     __builtin_expect(!!(x), 1)
#define unlikely(x)   __builtin_expect(!!(x), 0)
