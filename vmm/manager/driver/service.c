/* SPDX-License-Identifier: MIT */
#include "vmm/manager/driver/service.h"

#include "kernel/abi/image.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/manager/log/log.h"
#include "vmm/rt/format.h"

#define SERVICE_PAGES_MAX 4096u /* of its data, and of what begins as zero */

static struct driver_kind kinds[CONFIG_SERVICE_MAX];

static const struct service_config *find_section(const char *name, u32 *number)
{
	const struct service_config *service;

	for (*number = 0; (service = config_service(*number)) != NULL; ++*number) {
		if (service->section.declared && string_equal(service->section.name, name))
			return service;
	}
	return NULL;
}

/* The kernel checks what else the header says. */
static bool is_program(const struct file *file)
{
	struct image_header header;

	if (file->size < PAGE_SIZE)
		return false;
	memcpy(&header, file->bytes, sizeof(header));
	return header.magic == IMAGE_MAGIC && header.data_pages <= SERVICE_PAGES_MAX &&
	       header.bss_pages <= SERVICE_PAGES_MAX;
}

static const struct file *find_program(const struct service_config *service, char *problem,
				       size_t size)
{
	const struct file *program = file_find(service->program);

	if (program == NULL)
		format(problem, size, "program: there is no file \"%s\" in the bundle",
		       service->program);
	else if (!is_program(program))
		format(problem, size,
		       "program: \"%s\" is no program for Skerry, allowed: one as `make services` "
		       "builds it",
		       service->program);
	else
		return program;
	return NULL;
}

static struct driver *start(const struct service_config *service, struct driver_kind *kind,
			    char *problem, size_t size)
{
	const struct file *file = service->file[0] != '\0' ? file_find(service->file) : NULL;

	kind->program = find_program(service, problem, size);
	if (kind->program == NULL)
		return NULL;
	if (service->file[0] != '\0' && (file == NULL || file->size == 0)) {
		format(problem, size, "file: there is no file \"%s\" in the bundle",
		       service->file);
		return NULL;
	}
	kind->image = kind->program->name;
	kind->argument = service->argument;
	return driver_create(service->section.name, kind, 0, file, service->memory_bytes, problem,
			     size);
}

struct driver *service_driver(const char *name, const struct driver_class *class, bool *fresh,
			      char *problem, size_t size)
{
	u32 number;
	const struct service_config *service = find_section(name, &number);
	struct driver *driver = driver_find(name);

	if (service == NULL || service->section.broken) {
		format(problem, size, "service: %s [service %s]%s",
		       service == NULL ? "there is no section" : "the section", name,
		       service == NULL ? "" : " has a mistake");
		return NULL;
	}
	*fresh = driver == NULL || driver->kind != &kinds[number];
	if (!*fresh)
		return driver;
	kinds[number] = (struct driver_kind){.class = class};
	return start(service, &kinds[number], problem, size);
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
