/* SPDX-License-Identifier: MIT */
/* GDB's remote protocol: frames, registers, and what each packet asks the monitor. */
#include "tests/unit/vmm/manager/gdb/gdb_fixture.h"

static void test_frames(void **state)
{
	(void)state;
	assert_string_equal(send_raw("$?#00"), "-");
	assert_string_equal(send_raw("+++$?#3f"), "+$T05thread:1;#d7");
	assert_non_null(strstr(send_raw("-"), "$T05thread:1;#"));
	assert_string_equal(ask("vMustReplyEmpty"), "");
	assert_string_equal(ask("QStartNoAckMode"), "OK");
	assert_int_equal(send_raw("$?#00")[0], '$');
}

static void test_attach(void **state)
{
	(void)state;
	assert_false(gdb_attached());
	assert_string_equal(ask("qSupported:swbreak+"), SUPPORTED);
	assert_true(gdb_holds());
	assert_string_equal(ask("qfThreadInfo"), "m1,2");
	assert_string_equal(ask("D"), "OK");
	assert_int_equal(asked.kind, QUERY_DETACH);
	assert_false(gdb_attached());
}

static const char *threads_of(u32 count)
{
	vcpu_count = count;
	assert_string_equal(ask("qSupported:swbreak+"), SUPPORTED);
	return ask("qfThreadInfo");
}

/* `vm set vcpus=` applies to the next start: the threads are the vCPUs of this one. */
static void test_threads(void **state)
{
	(void)state;
	the_vm.config.vcpus = 5;
	assert_string_equal(threads_of(3), "m1,2,3");
	assert_string_equal(threads_of(1), "m1"); /* another monitor has other vCPUs */
	assert_string_equal(threads_of(0), "m1");
	assert_string_equal(strrchr(threads_of(~0u), ','), ",40");
	assert_string_equal(ask("vCont;c"), "");
	assert_int_equal(asked.run, ~0ull);
}

/* A monitor that takes up a query after its time limit is told to release the VM. */
static void test_late(void **state)
{
	(void)state;
	monitor_late = true;
	assert_string_equal(ask("qSupported:swbreak+"), "E01");
	monitor_late = false;
	send_raw("");
	assert_int_equal(asked.kind, QUERY_DETACH);
	monitor_late = true;
	assert_string_equal(ask("?"), "E01");
	monitor_late = false; /* another GDB comes first: the VM is held for it */
	assert_string_equal(threads_of(2), "m1,2");
	assert_true(gdb_holds());
	monitor_late = true;
	assert_memory_equal(ask("D"), "E", 1);
	gdb_close();
	send_raw("");
	assert_non_null(gdb_vm());
	monitor_late = false;
	send_raw("");
	assert_int_equal(asked.kind, QUERY_DETACH);
	assert_null(gdb_vm());
}

static void test_description(void **state)
{
	char whole[9000] = "";
	char line[100];
	const char *part;

	(void)state;
	do {
		snprintf(line, sizeof(line), "qXfer:features:read:target.xml:%zx,3fb",
			 strlen(whole));
		part = ask(line);
		assert_true(part[0] == 'm' || part[0] == 'l');
		assert_true(strlen(part) > 1);
		strcat(whole, part + 1);
	} while (part[0] == 'm');
	assert_non_null(strstr(whole, "<architecture>i386:x86-64</architecture>"));
	assert_non_null(strstr(whole, "<reg name=\"efer\" bitsize=\"64\""));
	assert_string_equal(whole + strlen(whole) - 9, "</target>");
}

static void test_registers(void **state)
{
	const char *reply;

	(void)state;
	reply = ask("g");
	assert_memory_equal(reply, "8877665544332211", 16);
	assert_memory_equal(reply + 16 * 16, "00000081ffffffff", 16);
	assert_string_equal(ask("p0"), "8877665544332211");
	assert_string_equal(ask("p18"), "xxxxxxxxxxxxxxxxxxxx");
	assert_string_equal(ask("p2b"), "0100008000000000"); /* the register cr0 */
	assert_string_equal(ask("p99"), "E01");
	assert_string_equal(ask("P0=0100000000000000"), "OK");
	assert_int_equal(asked.kind, QUERY_SET);
	assert_int_equal(asked.flags, 0);
	assert_int_equal(((struct vcpu_page *)(void *)input)->gpr[GPR_RAX], 1);
	assert_string_equal(ask("P10=efbeadde00000000"), "OK");
	assert_int_equal(asked.flags, VCPU_RIP);
	assert_int_equal(((struct vcpu_page *)(void *)input)->rip, 0xdeadbeef);
	assert_string_equal(ask("P18=00"), "E01");
}

/* After a refused write a register shows the guest's value. */
static void test_refused_registers(void **state)
{
	static char all[2000];

	(void)state;
	page.cr8 = 5;
	page.msr[VMSR_KERNEL_GS_BASE] = 0x1234;
	assert_string_equal(ask("P2a=0700000000000000"), "E01");
	assert_string_equal(ask("p2a"), "3412000000000000");
	assert_string_equal(ask("P2f=0700000000000000"), "E01");
	assert_string_equal(ask("p2f"), "0500000000000000");
	all[0] = 'G';
	strcpy(all + 1, ask("g"));
	memset(all + 1, '7', 16);
	memset(all + strlen(all) - 32, '7', 16); /* the place of cr8 */
	assert_string_equal(ask(all), "OK");
	assert_int_equal(((struct vcpu_page *)(void *)input)->gpr[GPR_RAX], 0x7777777777777777);
	assert_int_equal(((struct vcpu_page *)(void *)input)->cr8, 5);
	assert_string_equal(ask("p0"), "8877665544332211"); /* this monitor stores nothing */
}

/* In real mode PC is the linear address, so that breakpoints by address hit. */
static void test_real_mode(void **state)
{
	(void)state;
	page.cr0 = page.efer = 0;
	page.segment[SEG_CS].base = 0x10000;
	page.rip = 0x1234;
	assert_string_equal(ask("p8"), "34120100");
	assert_non_null(strstr(ask("qXfer:features:read:target.xml:0,fff"), "i8086"));
	assert_string_equal(ask("P8=00000200"), "OK");
	assert_int_equal(((struct vcpu_page *)(void *)input)->rip, 0x10000);
}

static void test_memory(void **state)
{
	(void)state;
	assert_string_equal(ask("mffff800000000010,4"), "10111213");
	assert_int_equal(asked.address, 0xffff800000000010);
	assert_int_equal(asked.flags, QUERY_LINEAR);
	assert_string_equal(ask("M1000,2:abcd"), "OK");
	assert_int_equal(asked.kind, QUERY_WRITE);
	assert_int_equal(asked.length, 2);
	assert_memory_equal(input, "\xab\xcd", 2);
	assert_string_equal(ask("X1000,2:}\x03z"), "OK");
	assert_memory_equal(input, "\x23z", 2);
	assert_string_equal(ask("M1000,3:ab"), "E16");
	assert_string_equal(ask("X1000,0:"), "OK");
}

static void test_breakpoints(void **state)
{
	(void)state;
	assert_string_equal(ask("Z0,1000,1"), "OK");
	assert_int_equal(asked.kind, QUERY_BREAK);
	assert_int_equal(asked.flags, 0);
	assert_int_equal(asked.address, 0x1000);
	assert_string_equal(ask("z2,2000,8"), "OK");
	assert_int_equal(asked.kind, QUERY_UNBREAK);
	assert_int_equal(asked.flags, QUERY_BREAK_HARDWARE | 1);
	assert_int_equal(asked.length, 8);
	assert_string_equal(ask("Z9,0,0"), "");
}

static void test_run(void **state)
{
	(void)state;
	assert_string_equal(ask("vCont?"), "vCont;c;C;s;S");
	assert_string_equal(ask("vCont;s:2;c"), "");
	assert_int_equal(asked.kind, QUERY_RELEASE);
	assert_int_equal(asked.run, 3);
	assert_int_equal(asked.step, 2);
	assert_false(gdb_holds());
	channel.question.stop = (struct query_stop){
		.sequence = 1, .cpu = 1, .kind = QUERY_STOP_SOFTWARE, .address = 0x1000};
	assert_string_equal(send_raw(""), "$T05thread:2;swbreak:;#3c");
	assert_true(gdb_holds());
	assert_string_equal(ask("vCont;s:2"), "");
	assert_int_equal(asked.run, 2);
	assert_int_equal(asked.step, 2);
	assert_string_equal(send_raw("\x03"), "");
	assert_int_equal(asked.kind, QUERY_HOLD);
	channel.question.stop = (struct query_stop){.sequence = 2, .kind = QUERY_STOP_ASKED};
	assert_non_null(strstr(send_raw(""), "$T02thread:1;#"));
	assert_string_equal(ask("c"), "");
	the_vm.state = VM_STOPPED;
	the_vm.group = HANDLE_NONE;
	assert_non_null(strstr(send_raw(""), "$W00#"));
	assert_false(gdb_attached());
}

/* The VM ends during a query: GDB gets an error for it, and for whatever it asks afterwards. */
static void test_vm_ends(void **state)
{
	(void)state;
	assert_string_equal(ask("qAttached"), "1");
	monitor_hangs = true;
	assert_string_equal(ask("m1000,4"), "");
	the_vm.group = HANDLE_NONE;
	assert_string_equal(send_raw(""), "$E01#a6");
	assert_string_equal(ask("g"), "E01");
	assert_string_equal(ask("vCont;c"), "E01");
}

/* A stop from before this GDB's `continue` is not reported as the answer to it. */
static void test_old_stop(void **state)
{
	(void)state;
	assert_string_equal(ask("?"), "T05thread:1;");
	channel.question.stop = (struct query_stop){.sequence = 7};
	assert_string_equal(ask("vCont;c"), "");
	assert_false(gdb_holds());
	channel.question.stop.sequence = 8;
	assert_non_null(strstr(send_raw(""), "$T02thread:1;#"));
}

/* A packet is sent again only on a NAK, and only the last one. */
static void test_repeat(void **state)
{
	(void)state;
	assert_string_equal(ask("qC"), "QC1");
	assert_non_null(strstr(send_raw("-"), "$QC1#"));
	monitor_hangs = true;
	assert_string_equal(ask("m1000,1"), "");
	assert_string_equal(send_raw("-"), "");
	monitor_hangs = false;
	assert_string_equal(send_raw(""), "$00#60");
	assert_string_equal(ask("QStartNoAckMode"), "OK");
	assert_string_equal(send_raw("-"), "");
}

/* A GDB that connects after another one died with the guest running finds the VM held. */
static void test_next_gdb(void **state)
{
	(void)state;
	assert_string_equal(ask("vCont;c"), "");
	assert_false(gdb_holds());
	assert_string_equal(ask("qSupported:swbreak+"), SUPPORTED);
	assert_int_equal(asked.kind, QUERY_REGISTERS);
	assert_true(gdb_holds());
}

/* On close a query under way is answered before the VM is released, and a waiting GDB is told. */
static void test_close(void **state)
{
	(void)state;
	assert_string_equal(ask("qAttached"), "1");
	monitor_hangs = true;
	assert_string_equal(ask("p0"), "8877665544332211");
	assert_string_equal(ask("m1000,1"), "");
	gdb_close();
	assert_non_null(gdb_open(&the_vm));
	monitor_hangs = false;
	assert_string_equal(send_raw(""), "$00#60");
	assert_int_equal(asked.kind, QUERY_DETACH);
	assert_null(gdb_vm());
	assert_null(gdb_open(&the_vm));
	assert_string_equal(ask("vCont;c"), "");
	gdb_close();
	assert_string_equal(send_raw(""), "$X09#c1");
	assert_null(gdb_vm());
}

/* Values from a monitor are kept in bounds. */
static void test_hostile_monitor(void **state)
{
	(void)state;
	assert_string_equal(ask("vCont;c:-"), "");
	assert_int_equal(asked.run, 3);
	channel.question.stop =
		(struct query_stop){.sequence = 1, .cpu = ~0u, .kind = ~0u, .address = ~0ull};
	assert_non_null(strstr(send_raw(""), "$T05thread:2;awatch:ffffffffffffffff;#"));
	gdb_reply_status((enum status)0x12345678);
	assert_non_null(strstr(send_raw(""), "$E78#"));
}

/* Any bytes: no buffer overflows, and the next packet is understood. */
static void test_noise(void **state)
{
	static char noise[GDB_PACKET_BYTES + 100];
	u32 seed = 1;

	(void)state;
	for (u32 round = 0; round < 200; round++) {
		for (u32 i = 0; i < sizeof(noise) - 1; i++) {
			seed = seed * 1664525 + 1013904223;
			noise[i] = (char)(seed >> 24 | 1);
		}
		noise[0] = '$';
		send_raw(noise);
	}
	memset(noise, 'm', sizeof(noise) - 1);
	noise[0] = '$';
	send_raw(noise);
	send_raw("#00");
	gdb.running = false;
	gdb.line.acknowledge = true;
	assert_string_equal(ask("qAttached"), "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_frames, set_up),
		cmocka_unit_test_setup(test_attach, set_up),
		cmocka_unit_test_setup(test_threads, set_up),
		cmocka_unit_test_setup(test_late, set_up),
		cmocka_unit_test_setup(test_description, set_up),
		cmocka_unit_test_setup(test_registers, set_up),
		cmocka_unit_test_setup(test_refused_registers, set_up),
		cmocka_unit_test_setup(test_real_mode, set_up),
		cmocka_unit_test_setup(test_memory, set_up),
		cmocka_unit_test_setup(test_breakpoints, set_up),
		cmocka_unit_test_setup(test_run, set_up),
		cmocka_unit_test_setup(test_vm_ends, set_up),
		cmocka_unit_test_setup(test_old_stop, set_up),
		cmocka_unit_test_setup(test_repeat, set_up),
		cmocka_unit_test_setup(test_next_gdb, set_up),
		cmocka_unit_test_setup(test_close, set_up),
		cmocka_unit_test_setup(test_hostile_monitor, set_up),
		cmocka_unit_test_setup(test_noise, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
