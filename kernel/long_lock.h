/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The object lock for those who may hold it for long: the steps of a teardown, and all system calls
 * but those that wait, signal, kick and yield. One at a time; and one that let others wait keeps
 * the next one away for as long. So a wake-up meets the object lock free half of the time, on
 * however many CPUs somebody maps, unmaps, makes and destroys.
 */
void long_lock(void);
void long_unlock(void);
