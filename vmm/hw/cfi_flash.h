/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Flash memory of the command set that CFI numbers 0x0001 (Intel, JEP137), as one byte wide: a byte
 * written at any of its addresses is a command, or data for which a command waits.
 */
#define FLASH_BLOCK_BYTES 4096u /* the smallest piece that can be erased */
#define FLASH_ERASED	  0xffu

#define FLASH_READ_ARRAY   0xffu
#define FLASH_READ_STATUS  0x70u
#define FLASH_CLEAR_STATUS 0x50u
#define FLASH_PROGRAM	   0x10u /* the next written byte is programmed at its address */
#define FLASH_PROGRAM_TOO  0x40u
#define FLASH_ERASE	   0x20u /* and FLASH_CONFIRM, in the block to erase */
#define FLASH_CONFIRM	   0xd0u

/* The status register. */
#define FLASH_STATUS_READY	   0x80u
#define FLASH_STATUS_ERASE_ERROR   0x20u
#define FLASH_STATUS_PROGRAM_ERROR 0x10u
/* both errors: the written bytes are no sequence of commands */
#define FLASH_STATUS_SEQUENCE_ERROR (FLASH_STATUS_ERASE_ERROR | FLASH_STATUS_PROGRAM_ERROR)
