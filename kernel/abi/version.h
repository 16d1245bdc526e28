/* SPDX-License-Identifier: MIT */
#pragma once

#define SKERRY_VERSION "0.1"

/* Grows with every change of kernel/abi; ring 3 refuses to start on another version. */
#define SKERRY_ABI_VERSION 20
