/* SPDX-License-Identifier: MIT */
/*
 * Lets a program of the boot bundle drive a disk: finds the program that the configuration names as
 * a disk's service, its data file and its memory, and enters it in the list of kinds of drivers.
 * Called by disk_start.c and disk.c. Owns that list; checks the program's header.
 */
#include "vmm/manager/driver/service.h"

#include "kernel/abi/image.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/manager/log/log.h"
#include "vmm/rt/format.h"

/* the most pages of data in a service's program, and the most of zeroed memory */
#define SERVICE_PAGES_MAX 4096u

static struct driver_kind kinds[CONFIG_SERVICE_MAX];

static const struct service_config *service_find_section(const char *name, u32 *number)
{
	const struct service_config *service;

	for (*number = 0; (service = config_service(*number)) != NULL; ++*number) {
		if (service->section.declared && string_equal(service->section.name, name))
			return service;
	}
	return NULL;
}

/* Returns whether the file is a program for a service; the kernel checks the rest of its header. */
static bool service_is_program(const struct file *file)
{
	struct image_header header;

	if (file->size < PAGE_SIZE)
		return false;
	memcpy(&header, file->bytes, sizeof(header));
	return header.magic == IMAGE_MAGIC && header.data_pages <= SERVICE_PAGES_MAX &&
	       header.bss_pages <= SERVICE_PAGES_MAX;
}

static const struct file *service_find_program(const struct service_config *service, char *problem,
					       size_t size)
{
	const struct file *program = file_find_filled("program", service->program, problem, size);

	if (program == NULL || service_is_program(program))
		return program;
	format(problem, size,
	       "program: \"%s\" is no program for Skerry; use one as `make services` builds it",
	       service->program);
	return NULL;
}

const struct driver_kind *service_find(const char *name, const struct driver_class *class,
				       const struct file **file, u64 *memory_bytes, char *problem,
				       size_t size)
{
	u32 number;
	const struct service_config *service = service_find_section(name, &number);
	const struct file *program;

	if (service == NULL || service->section.broken) {
		format(problem, size, "service: %s [service %s]%s",
		       service == NULL ? "there is no section" : "the section", name,
		       service == NULL ? "" : " has a mistake");
		return NULL;
	}
	kinds[number].class = class;
	program = service_find_program(service, problem, size);
	*file = NULL;
	if (program == NULL)
		return NULL;
	if (service->file[0] != '\0') {
		*file = file_find_filled("file", service->file, problem, size);
		if (*file == NULL)
			return NULL;
	}
	*memory_bytes = service->memory_bytes;
	kinds[number] = (struct driver_kind){.image = program->name,
					     .class = class,
					     .program = program,
					     .argument = service->argument};
	return &kinds[number];
}

void services_check(void)
{
	for (u32 i = 0; config_service(i) != NULL; i++) {
		const struct config_section *section = &config_service(i)->section;

		if (section->declared && !section->broken && kinds[i].class == NULL)
			log_message(LOG_WARNING, LOG_CONFIG, "",
				    "service %s is not started: no [disk NAME] has service = %s",
				    section->name, section->name);
	}
}
