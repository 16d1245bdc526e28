/* SPDX-License-Identifier: MIT */
/*
 * The table of libvirt's procedures that are served, with the kinds of their arguments. rpc.c looks
 * each call's procedure up here, and one function reads the arguments of all. It calls no
 * procedure.
 */
#include "gateway/door/procedure.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/door/listener.h"
#include "gateway/door/rpc.h"
#include "gateway/door/serve.h"
#include "gateway/door/terminal.h"

static const struct procedure procedures[] = {
	{1, "oi", false, true, connect_open},
	{2, "", false, true, connect_close},
	{3, "", false, false, connect_type},
	{4, "", false, false, connect_version},
	{5, "o", false, false, connect_max_vcpus},
	{6, "", false, false, node_info},
	{7, "", false, false, node_capabilities},
	{9, "d", true, false, action_create},
	{10, "xi", true, false, define_create},
	{11, "x", true, false, define_define},
	{12, "d", true, false, action_destroy},
	{14, "di", false, false, domain_xml},
	{15, "d", false, false, domain_autostart},
	{16, "d", false, false, domain_info},
	{17, "d", false, false, domain_max_memory},
	{18, "d", false, false, domain_max_vcpus},
	{19, "d", false, false, domain_os_type},
	{21, "i", false, false, list_names_defined},
	{22, "i", false, false, list_find},
	{23, "s", false, false, list_find},
	{24, "u", false, false, list_find},
	{25, "", false, false, list_count_defined},
	{27, "di", true, false, action_reboot},
	{28, "d", true, false, action_resume},
	{29, "di", true, false, domain_set_autostart},
	{33, "d", true, false, action_shutdown},
	{34, "d", true, false, action_suspend},
	{35, "d", true, false, action_undefine},
	{36, "i", false, false, thing_none},
	{37, "i", false, false, list_ids},
	{38, "i", false, false, thing_names},
	{43, "ni", false, false, thing_xml},
	{44, "n", false, false, thing_yes},
	{46, "s", false, false, thing_lookup},
	{47, "u", false, false, thing_lookup},
	{50, "", false, false, thing_none},
	{51, "", false, false, list_count},
	{52, "", false, false, thing_count},
	{54, "s", true, false, save_restore},
	{55, "ds", true, false, save_save},
	{59, "", false, false, connect_hostname},
	{60, "i", false, true, connect_feature},
	{64, "ds", false, false, stats_block},
	{66, "", false, true, connect_auth_list},
	{71, "", false, false, thing_count},
	{72, "i", false, false, thing_names},
	{73, "", false, false, thing_none},
	{74, "i", false, false, thing_none},
	{78, "ni", true, false, pool_start},
	{83, "ni", false, false, pool_refresh},
	{84, "s", false, false, thing_lookup},
	{85, "u", false, false, thing_lookup},
	{86, "v", false, false, thing_lookup},
	{87, "n", false, false, pool_info},
	{88, "ni", false, false, thing_xml},
	{89, "n", false, false, thing_yes},
	{91, "n", false, false, volume_count},
	{92, "ni", false, false, volume_names},
	{93, "nxi", true, false, volume_create},
	{94, "vi", true, false, volume_delete},
	{95, "ns", false, false, volume_find_name},
	{96, "s", false, false, volume_find_path},
	{97, "s", false, false, volume_find_path},
	{98, "v", false, false, volume_info},
	{99, "vi", false, false, volume_xml},
	{100, "v", false, false, volume_path},
	{102, "", false, false, node_free_memory},
	{110, "", false, false, connect_uri},
	{149, "", false, false, connect_is_secure},
	{150, "d", false, false, domain_is_active},
	{151, "d", false, false, domain_yes},
	{152, "n", false, false, thing_is_active},
	{153, "n", false, false, thing_yes},
	{154, "n", false, false, thing_is_active},
	{155, "n", false, false, thing_yes},
	{157, "", false, false, connect_library_version},
	{159, "dii", false, false, stats_memory},
	{183, "di", false, false, domain_no},
	{185, "dxi", true, false, snapshot_create},
	{186, "Si", false, false, snapshot_show},
	{187, "di", false, false, snapshot_list},
	{188, "dii", false, false, snapshot_list},
	{189, "dsi", false, false, snapshot_show},
	{190, "di", false, false, domain_no},
	{192, "Si", true, false, snapshot_revert},
	{193, "Si", true, false, snapshot_drop},
	{196, "di", true, false, action_create_flags},
	{200, "di", false, false, domain_max_vcpus},
	{201, "doi", true, false, terminal_open},
	{202, "d", false, false, domain_no},
	{212, "di", false, false, domain_state},
	{228, "iii", false, false, node_memory_stats},
	{229, "di", false, false, domain_control},
	{231, "di", true, false, action_undefine},
	{232, "dsoi", true, false, save_save},
	{233, "soi", true, false, save_restore},
	{234, "di", true, false, action_destroy},
	{245, "di", true, false, action_reboot},
	{246, "Si", false, false, domain_no},
	{258, "di", true, false, action_shutdown},
	{271, "Si", false, false, domain_no},
	{272, "Si", false, false, domain_no},
	{273, "ii", false, false, list_all},
	{274, "dii", false, false, snapshot_list},
	{281, "ii", false, false, thing_all},
	{282, "nii", false, false, volume_all},
	{283, "ii", false, false, thing_all},
	{316, "iD", false, false, listener_register},
	{317, "i", false, false, listener_deregister},
	{344, "aii", false, false, stats_all},
	{350, "xi", true, false, define_define},
	{378, "vi", false, false, volume_info},
};

const struct procedure *procedure_find(uint32_t number)
{
	for (size_t i = 0; i < ARRAY_COUNT(procedures); i++) {
		if (procedures[i].number == number)
			return &procedures[i];
	}
	return NULL;
}

static void procedure_read_domain(struct xdr_reader *contents, struct domain *domain)
{
	xdr_read_text(contents, domain->name, sizeof(domain->name));
	xdr_read_bytes(contents, domain->uuid, sizeof(domain->uuid));
	domain->id = (int32_t)xdr_read_u32(contents);
}

static void procedure_read_domains(struct xdr_reader *contents, struct arguments *arguments)
{
	uint32_t count = xdr_read_u32(contents);

	if (count > RPC_DOMAINS)
		contents->failed = true;
	if (contents->failed || count == 0)
		return;
	arguments->domains = calloc(count, sizeof(*arguments->domains));
	contents->failed |= !arguments->domains;
	for (uint32_t i = 0; i < count && !contents->failed; i++)
		procedure_read_domain(contents, &arguments->domains[i]);
	arguments->domain_count = count;
}

static void procedure_read_text(struct xdr_reader *contents, struct arguments *arguments)
{
	xdr_read_text(contents, arguments->texts[arguments->text_count++], RPC_NAME_BYTES);
}

/*
 * Reads a description in XML into the arguments. If it is no valid XML, `xml` stays NULL, and the
 * procedure answers with an error.
 */
static void procedure_read_xml(struct xdr_reader *contents, struct arguments *arguments)
{
	uint32_t count = xdr_read_u32(contents);
	const char *text = xdr_read_place(contents, count);

	if (!text)
		return;
	arguments->xml = malloc(sizeof(*arguments->xml));
	if (arguments->xml && xml_read(text, count, arguments->xml))
		return;
	free(arguments->xml);
	arguments->xml = NULL;
}

static void procedure_read_item(char letter, struct xdr_reader *contents,
				struct arguments *arguments)
{
	switch (letter) {
	case 'd':
		procedure_read_domain(contents, &arguments->domain);
		break;
	case 'D':
		if (xdr_read_u32(contents))
			procedure_read_domain(contents, &arguments->domain);
		break;
	case 'a':
		procedure_read_domains(contents, arguments);
		break;
	case 'i':
		arguments->numbers[arguments->number_count++] = (int32_t)xdr_read_u32(contents);
		break;
	case 'o':
		if (xdr_read_u32(contents))
			procedure_read_text(contents, arguments);
		else
			arguments->text_count++;
		break;
	case 's':
		procedure_read_text(contents, arguments);
		break;
	case 'x':
		procedure_read_xml(contents, arguments);
		break;
	case 'S':
		procedure_read_text(contents, arguments);
		procedure_read_domain(contents, &arguments->domain);
		break;
	case 'v':
		for (unsigned i = 0; i < 3; i++)
			procedure_read_text(contents, arguments);
		break;
	case 'n':
		procedure_read_text(contents, arguments);
		xdr_read_bytes(contents, arguments->uuid, UUID_BYTES);
		break;
	default: /* u */
		xdr_read_bytes(contents, arguments->uuid, UUID_BYTES);
		break;
	}
}

bool procedure_read(const char *takes, struct xdr_reader *contents, struct arguments *arguments)
{
	for (; *takes && !contents->failed; takes++)
		procedure_read_item(*takes, contents, arguments);
	return !contents->failed && contents->count == 0;
}
