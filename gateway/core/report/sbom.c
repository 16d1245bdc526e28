/* SPDX-License-Identifier: MIT */
/*
 * Reads the SPDX document that says what an image of Skerry consists of, for the gathering of a
 * report, and compares it with what Skerry says of itself, for a section and a rule. It opens the
 * one file that --sbom names.
 */
#include "gateway/core/report/report.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/buffer.h"
#include "gateway/base/string.h"
#include "gateway/core/report/report_row.h"

enum { SBOM_BYTES = 4 << 20 };

static bool sbom_load(struct buffer *text, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char bytes[65536];
	struct stat about;
	ssize_t count = -1;

	if (fd < 0)
		return false;
	if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && about.st_size <= SBOM_BYTES)
		while ((count = read(fd, bytes, sizeof(bytes))) > 0)
			buffer_add(text, bytes, (size_t)count);
	close(fd);
	return count == 0 && !text->failed;
}

void report_sbom_read(struct report_sbom *sbom, const char *path)
{
	struct buffer text = {.limit = SBOM_BYTES};
	json_t *root, *package, *sum;

	*sbom = (struct report_sbom){.given = path != NULL};
	if (!path || !sbom_load(&text, path)) {
		buffer_free(&text);
		return;
	}
	root = json_loadb(text.bytes ? text.bytes : "", text.count, 0, NULL);
	package = json_array_get(json_object_get(root, "packages"), 0);
	sum = json_array_get(json_object_get(package, "checksums"), 0);
	sbom->read = row_is(root, "spdxVersion", "SPDX-2.3") && row_is(package, "name", "skerry");
	if (sbom->read) {
		audit_hash(text.bytes, text.count, sbom->digest);
		string_copy(sbom->version, sizeof(sbom->version), row_text(package, "versionInfo"));
		if (row_is(sum, "algorithm", "SHA256"))
			string_copy(sbom->image, sizeof(sbom->image),
				    row_text(sum, "checksumValue"));
		row_cut(sbom->version);
		row_cut(sbom->image);
	}
	json_decref(root);
	buffer_free(&text);
}

int report_sbom_matches(const struct report_facts *facts)
{
	const json_t *row = json_array_get(facts->asked[REPORT_VERSION].rows, 0);
	const char *commit = row_text(row, "commit"), *version = row_text(row, "version");
	char both[REPORT_SBOM_TEXT];
	int length;

	if (!facts->sbom.read || !*commit || !*version)
		return -1;
	length = snprintf(both, sizeof(both), "%s (%s)", version, commit);
	return length > 0 && (size_t)length < sizeof(both) && !strcmp(both, facts->sbom.version);
}
