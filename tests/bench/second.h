/* SPDX-License-Identifier: MIT */
#pragma once

/* Starts the guest's second vCPU, which calls ap_main(1), and waits until it says `started`. */
void second_start(const volatile unsigned int *started);
