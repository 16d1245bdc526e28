/* SPDX-License-Identifier: MIT */
/*
 * The sections of a report about the host itself: its version, the parts of its image, its defences
 * against attacks by speculation, and the walk over its pages. report_json() calls them; they read
 * the facts and nothing else.
 */
#include "gateway/core/report/section.h"

#include "gateway/core/common/settings.h"
#include "gateway/core/report/report_row.h"

json_t *section_version(const struct report_facts *facts)
{
	const struct report_asked *asked = &facts->asked[REPORT_VERSION];
	const json_t *row = json_array_get(asked->rows, 0);

	return section_make(
		"version", "Version and build", section_status(asked),
		asked->rows
			? "Skerry says this of itself. It does not measure its own image, so the "
			  "digest of what runs is unknown."
			: asked->why,
		json_pack("{s:o, s:o, s:o, s:o, s:o, s:n, s:o, s:s}", "version",
			  row_copy(row, "version"), "commit",
			  *row_text(row, "commit") ? row_copy(row, "commit") : json_null(), "abi",
			  row_copy(row, "abi"), "backend", row_copy(row, "backend"), "compiler",
			  row_copy(row, "build"), "image_digest", "boot_id",
			  *facts->boot ? json_string(facts->boot) : json_null(), "gateway_version",
			  SKERRYD_VERSION),
		NULL);
}

json_t *section_sbom(const struct report_facts *facts)
{
	const struct report_sbom *sbom = &facts->sbom;
	int matches = report_sbom_matches(facts);

	return section_make(
		"sbom", "What the image consists of (SBOM)", sbom->read ? "known" : "unknown",
		sbom->read    ? "The gateway was given this SPDX document, and names it by its "
				"digest. That it is the document of the image that runs is known "
				"only as far as version and commit are the same."
		: sbom->given ? "The file of --sbom cannot be read, or is no SPDX 2.3 document of "
				"an image of Skerry."
			      : "Skerry does not carry its SPDX document. The gateway has none "
				"either: start skerryd with --sbom skerry.spdx.json.",
		json_pack("{s:o, s:o, s:o, s:o}", "document_sha256",
			  sbom->read ? json_string(sbom->digest) : json_null(), "document_version",
			  *sbom->version ? json_string(sbom->version) : json_null(),
			  "document_image_sha256",
			  *sbom->image ? json_string(sbom->image) : json_null(),
			  "same_version_and_commit", section_truth(matches >= 0, matches == 1)),
		NULL);
}

json_t *section_mitigations(const struct report_facts *facts)
{
	json_t *leaks = json_object_get(facts->cpu, "leaks"), *items = json_array(), *leak;
	size_t i;

	json_array_foreach(leaks, i, leak)
	{
		json_array_append_new(
			items, json_pack("{s:o, s:o, s:o}", "leak", row_copy(leak, "leak"), "state",
					 row_copy(leak, "state"), "by", row_copy(leak, "by")));
	}
	return section_make("mitigations", "Defences in force, and what is open",
			    !facts->cpu		     ? "unknown"
			    : json_array_size(items) ? "known"
						     : "partly",
			    !facts->cpu ? "Skerry's `cpu` is not known: the link is down."
			    : json_array_size(items)
				    ? "As Skerry judges its CPUs. A leak that is not in the list "
				      "was not judged."
				    : "Skerry gave no list of leaks.",
			    json_pack("{s:o, s:o, s:o, s:o}", "against_speculation",
				      row_copy(facts->cpu, "speculation"), "open",
				      row_copy(facts->cpu, "speculation_open"), "entropy",
				      row_copy(facts->cpu, "entropy"), "dma",
				      row_copy(facts->cpu, "dma")),
			    items);
}

json_t *section_pages(const struct report_facts *facts)
{
	const struct report_asked *asked = &facts->asked[REPORT_PAGES];
	json_t *items = json_array(), *row, *last = NULL;
	size_t i;

	json_array_foreach(asked->rows, i, row)
	{
		if (json_object_get(row, "found"))
			json_array_append_new(items,
					      json_pack("{s:o}", "found", row_copy(row, "found")));
		if (json_is_integer(json_object_get(row, "findings")))
			last = row;
	}
	return section_make("pages", "Audit of every page", last ? "known" : "unknown",
			    last	  ? "Skerry walked every page's owner, table and reference "
					    "for this report."
			    : asked->rows ? "Skerry's walk over its pages did not say how it ended."
					  : asked->why,
			    json_pack("{s:o, s:o, s:o, s:o, s:o}", "findings",
				      row_copy(last, "findings"), "pages", row_copy(last, "pages"),
				      "objects", row_copy(last, "objects"), "guest_pages",
				      row_copy(last, "guest_pages"), "device_pages",
				      row_copy(last, "device_pages")),
			    items);
}
