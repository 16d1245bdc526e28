/* SPDX-License-Identifier: MIT */
/* Tests of what libvirt's clients are told of VMs and of what has a name: numbers, UUIDs, XML. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/buffer.c"
#include "gateway/door/uuid.c"
#include "gateway/door/vm.c"
#include "gateway/door/vm_xml.c"
#include "gateway/door/xdr.c"
#include "gateway/door/xml.c"

/* A VM that is in that state, at that of its starts. */
static json_t *vm_of(unsigned number, const char *state, int boots)
{
	char uuid[UUID_TEXT_BYTES];

	snprintf(uuid, sizeof(uuid), "00000000-0000-4000-8000-%012x", number);
	return json_pack("{s:s, s:s, s:s, s:i}", "name", "vm", "uuid", uuid, "state", state,
			 "boots", boots);
}

static int32_t id_of(unsigned number, const char *state, int boots)
{
	json_t *vm = vm_of(number, state, boots);
	int32_t id = vm_id(vm);

	json_decref(vm);
	return id;
}

static void test_each_start_has_a_number(void **state)
{
	int32_t first, second;

	(void)state;
	assert_int_equal(id_of(1, "stopped", 0), -1);
	first = id_of(1, "running", 1);
	assert_true(first > 0);
	assert_int_equal(id_of(1, "paused", 1), first);
	second = id_of(2, "running", 1);
	assert_true(second > first);
	assert_int_equal(id_of(1, "crashed", 1), -1);
	assert_true(id_of(1, "running", 2) > second);
	assert_int_equal(id_of(2, "running", 1), second);
}

/* More VMs than there are places: those that were not asked for longest give way, and no two share.
 */
static void test_numbers_stay_apart(void **state)
{
	static int32_t ids[2 * VM_IDS];

	(void)state;
	for (unsigned i = 0; i < 2 * VM_IDS; i++)
		ids[i] = id_of(1000 + i, "running", 1);
	for (unsigned i = 1; i < 2 * VM_IDS; i++)
		assert_true(ids[i] > ids[i - 1]);
	for (unsigned i = VM_IDS; i < 2 * VM_IDS; i++)
		assert_int_equal(id_of(1000 + i, "running", 1), ids[i]);
}

static void test_uuids(void **state)
{
	static const char *const wrong[] = {
		"", "00000000-0000-4000-8000-00000000000", "00000000-0000-4000-8000-0000000000000",
		"00000000+0000-4000-8000-000000000000", "g0000000-0000-4000-8000-000000000000"};
	uint8_t uuid[UUID_BYTES];
	char text[UUID_TEXT_BYTES];

	(void)state;
	assert_true(uuid_read("0123ABcd-89ab-cdef-0123-456789abcdef", uuid));
	uuid_text(uuid, text);
	assert_string_equal(text, "0123abcd-89ab-cdef-0123-456789abcdef");
	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++)
		assert_false(uuid_read(wrong[i], uuid));
	assert_false(uuid_read(NULL, uuid));
	/* Clients keep them: the same name has the same one in every version. */
	uuid_of_name("network", "lan", uuid);
	uuid_text(uuid, text);
	assert_string_equal(text, "019e78f3-19d4-8682-b488-64228c2846ad");
	uuid_of_name("store", "lan", uuid);
	uuid_text(uuid, text);
	assert_string_not_equal(text, "019e78f3-19d4-8682-b488-64228c2846ad");
}

static void test_xml_holds_any_text(void **state)
{
	struct buffer text = {0};

	(void)state;
	xml_begin(&text, "a");
	xml_attribute(&text, "b", "<'\"&>\001\t");
	xml_text(&text, "a", "]]><c>\033[0m");
	assert_string_equal(text.bytes,
			    "<a b='&lt;&apos;&quot;&amp;&gt;\t'>]]&gt;&lt;c&gt;[0m</a>\n");
	buffer_free(&text);
}

/* A disk has the bus at which the guest finds it. */
static void test_disks_have_a_bus(void **state)
{
	json_t *vm = json_pack("{s:{s:{s:s}}}", "config", "disk", "value",
			       "data, pool/web scsi, pool/cd cdrom");
	struct buffer text = {0};

	(void)state;
	vm_xml(&text, vm);
	assert_non_null(strstr(text.bytes, "<target dev='vda' bus='virtio'/>"));
	assert_non_null(strstr(text.bytes, "<target dev='sdb' bus='scsi'/>"));
	assert_non_null(strstr(text.bytes, "<target dev='sdc' bus='scsi'/>"));
	assert_true(vm_has_disk(vm, "pool/web") && vm_has_disk(vm, "sdb"));
	json_decref(vm);
	buffer_free(&text);
}

/* What core says is Skerry's, and Skerry's may be anything. */
static void test_a_vm_of_nothing_is_described(void **state)
{
	json_t *vm = json_object();
	struct buffer text = {0};

	(void)state;
	vm_xml(&text, vm);
	assert_false(text.failed);
	assert_non_null(strstr(text.bytes, "<name></name>"));
	assert_int_equal(vm_state(vm), VM_SHUTOFF);
	assert_int_equal(vm_id(vm), -1);
	assert_false(vm_has_disk(vm, ""));
	buffer_free(&text);
	json_decref(vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_start_has_a_number),
		cmocka_unit_test(test_numbers_stay_apart),
		cmocka_unit_test(test_uuids),
		cmocka_unit_test(test_xml_holds_any_text),
		cmocka_unit_test(test_disks_have_a_bus),
		cmocka_unit_test(test_a_vm_of_nothing_is_described),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
