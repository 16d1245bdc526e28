/* SPDX-License-Identifier: MIT */
/*
 * Reads the key `window` of a VM: `window = fuzz 64K`. Called by config_check.c and vm_window.c;
 * holds no state.
 */
#include "vmm/manager/config/config.h"

#include "lib/bits.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/rt/format.h"
#include "vmm/rt/window.h"

bool config_window(const struct vm_config *vm, struct window_config *window)
{
	struct text rest = text_of(vm->window);
	struct text word;

	*window = (struct window_config){.bytes = 0};
	if (!text_next_word(&rest, &word))
		return true;
	return config_name_valid(word) && text_copy(window->name, sizeof(window->name), word) &&
	       text_next_word(&rest, &word) && parse_size(word, &window->bytes) &&
	       window->bytes >= WINDOW_SIZE_MIN && window->bytes <= WINDOW_SIZE_MAX &&
	       is_power_of_two(window->bytes) && !text_next_word(&rest, &word);
}

bool config_window_wrong(const struct vm_config *vm, char *problem, size_t size)
{
	struct window_config window;

	if (!config_window(vm, &window))
		format(problem, size,
		       "VM %s: window = \"%s\" is not valid; use a name and a size from 8K to "
		       "8M, a power of two, such as fuzz 64K",
		       vm->name, vm->window);
	else if (window.bytes != 0 && vm->seed[0] != '\0')
		format(problem, size,
		       "VM %s: window does not go with seed, whose drive has its slot; leave one "
		       "of them out",
		       vm->name);
	else
		return false;
	return true;
}
