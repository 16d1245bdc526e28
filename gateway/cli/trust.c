/* SPDX-License-Identifier: MIT */
/*
 * The certificates that were trusted at first use, by host and port. connect.c asks it before a
 * secret is sent; it reads and writes known_hosts in the folder of the user's configuration.
 */
#include "gateway/cli/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

bool trust_path(const char *name, char *path, size_t size)
{
	const char *config = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");
	int used;

	if (config != NULL && config[0] == '/')
		used = snprintf(path, size, "%s/skerry/%s", config, name);
	else if (home != NULL && home[0] == '/')
		used = snprintf(path, size, "%s/.config/skerry/%s", home, name);
	else
		return false;
	return used > 0 && (size_t)used < size;
}

bool trust_make_folders(const char *path)
{
	char folder[1024];

	if (strlen(path) >= sizeof(folder))
		return false;
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		memcpy(folder, path, (size_t)(slash - path));
		folder[slash - path] = 0;
		if (mkdir(folder, 0700) != 0 && errno != EEXIST)
			return false;
	}
	return true;
}

enum trust trust_look(const char *server, const char *fingerprint)
{
	enum trust found = TRUST_NEW;
	char path[1024];
	char line[512];
	FILE *file;

	if (!trust_path("known_hosts", path, sizeof(path)))
		return TRUST_NEW;
	file = fopen(path, "re");
	if (file == NULL)
		return errno == ENOENT ? TRUST_NEW : TRUST_BROKEN;
	while (fgets(line, sizeof(line), file) != NULL) {
		char name[330];
		char known[80];

		if (sscanf(line, "%329s %79s", name, known) != 2 || strcmp(name, server) != 0)
			continue;
		found = strcasecmp(known, fingerprint) == 0 ? TRUST_KNOWN : TRUST_CHANGED;
		if (found == TRUST_KNOWN)
			break;
	}
	fclose(file);
	return found;
}

bool trust_store(const char *server, const char *fingerprint)
{
	char path[1024];
	char line[512];
	bool written;
	int size;
	int file;

	errno = ENOENT;
	if (!trust_path("known_hosts", path, sizeof(path)) || !trust_make_folders(path))
		return false;
	file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (file < 0)
		return false;
	/*
	 * The line is written in one write, so that it is not mixed with lines that other processes
	 * append at the same time.
	 */
	size = snprintf(line, sizeof(line), "%s %s\n", server, fingerprint);
	written = write(file, line, (size_t)size) == size;
	return close(file) == 0 && written;
}
