/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Opens a disk image for reading as raw bytes. An image in a format that qemu-img knows is first
 * converted into a file without a name. Ends the program, with a sentence, if that fails.
 */
int image_open(const char *path);
