/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Opens an image of a disk for reading as raw bytes. One in a format that qemu-img knows is
 * converted into a file without a name first. Ends the program, with a sentence, if that cannot be.
 */
int image_open(const char *path);
