/* SPDX-License-Identifier: MIT */
/*
 * The gate: a template is frozen while its init waits here, and each clone goes on from here. The
 * init calls it once; nothing of the guest's random numbers is used before the host has sown. The
 * frames of the connection are here too, for all that the init does behind the gate.
 */
#include "iso/init/gate.h"

#include <linux/reboot.h>
#include <sys/socket.h>
#include <linux/vm_sockets.h>

bool gate_is_one_of_many;

_Noreturn void gate_power_off(void)
{
	if (gate_is_one_of_many)
		CALL(exit_group, 1);
	for (;;)
		CALL(reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_POWER_OFF);
}

bool gate_write(long file, const void *bytes, uint32_t count)
{
	while (count > 0) {
		long done = CALL(write, file, bytes, count);

		if (done <= 0)
			return false;
		bytes += done;
		count -= (uint32_t)done;
	}
	return true;
}

uint32_t gate_number(const uint8_t *bytes, unsigned count)
{
	uint32_t number = 0;

	while (count-- > 0)
		number = number << 8 | bytes[count];
	return number;
}

bool gate_send(struct gate *gate, enum gate_frame kind, const void *bytes, uint32_t count)
{
	uint8_t frame[4 + GATE_OUTPUT] = {(uint8_t)kind, (uint8_t)count, (uint8_t)(count >> 8), 0};

	if (count > GATE_OUTPUT)
		return false;
	memcpy(frame + 4, bytes, count);
	return gate_write(gate->connection, frame, 4 + count);
}

void gate_tell(struct gate *gate, enum gate_frame kind, const void *bytes, uint32_t count)
{
	if (!gate_send(gate, kind, bytes, count))
		gate_power_off();
}

int gate_read(struct gate *gate, uint32_t *count)
{
	uint32_t wanted = gate->count < 4 ? 4 : 4 + gate_number(gate->bytes + 1, 3);
	long done;

	if (wanted > sizeof(gate->bytes))
		return -1;
	done = CALL(read, gate->connection, gate->bytes + gate->count, wanted - gate->count);
	if (done <= 0)
		return -1;
	gate->count += (uint32_t)done;
	*count = gate_number(gate->bytes + 1, 3);
	if (gate->count < 4 || gate->count < 4 + *count)
		return 0;
	gate->count = 0;
	return gate->bytes[0];
}

void gate_leave(struct gate *gate)
{
	/* Linux sends what was written in a thread of its own, and takes it along if it ends. */
	while (CALL(read, gate->connection, gate->bytes, sizeof(gate->bytes)) > 0)
		;
	gate_power_off();
}

void gate_refuse(struct gate *gate, const char *why)
{
	gate_send(gate, GATE_REFUSED, why, (uint32_t)text_length(why));
	gate_leave(gate);
}

bool gate_serve(struct gate *gate, struct words *words)
{
	uint8_t *bytes = gate->bytes + 4, version = GATE_VERSION;
	bool seeded = gate->stays;

	gate->count = 0;
	if (!gate_send(gate, GATE_HELLO, &version, 1))
		return false;
	for (;;) {
		uint32_t count;
		int kind = gate_read(gate, &count);

		if (kind == 0)
			continue;
		if (kind == GATE_SEED && count == GATE_SEED_BYTES) {
			seeded = seed_take(bytes);
			if (!seeded || !gate_send(gate, GATE_SEEDED, "", 0))
				return false;
			if (!net_begin())
				gate_refuse(gate, "no address");
		} else if (kind == GATE_FILE && seeded) {
			if (file_put((char *)bytes, count, 0) != GATE_WHOLE)
				gate_refuse(gate, "no file");
		} else if (kind == GATE_COMMAND && seeded) {
			if (!words_take(words, (char *)bytes, count, true) ||
			    words->argument_count == 0)
				gate_refuse(gate, "no command");
			if (words->volume != NULL && (gate->stays || !volume_mount(words)))
				gate_refuse(gate, "no volume");
			return true;
		} else if (kind == GATE_STAY && seeded) {
			if (!words_take(words, (char *)bytes, count, true) || words->volume != NULL)
				gate_refuse(gate, "no command");
			gate->stays = gate->asked_to_stay = true;
			return gate_send(gate, GATE_STAYS, "", 0);
		} else {
			return false;
		}
	}
}

bool gate_accept(struct gate *gate)
{
	struct sockaddr_vm address = {0};
	int size = sizeof(address);
	long connection = CALL(accept4, gate->listener, &address, &size, SOCK_CLOEXEC);

	if (connection >= 0 && address.svm_cid != VMADDR_CID_HOST) {
		CALL(close, connection);
		connection = -1;
	}
	gate->connection = (int)connection;
	return connection >= 0;
}

void gate_wait(struct gate *gate, struct words *words)
{
	struct sockaddr_vm address = {
		.svm_family = AF_VSOCK, .svm_port = GATE_PORT, .svm_cid = VMADDR_CID_ANY};
	long listener = CALL(socket, AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC);

	if (listener < 0 || CALL(bind, listener, &address, sizeof(address)) != 0 ||
	    CALL(listen, listener, 4) != 0) {
		print("init: there is no socket device: the VM needs `vsock = yes`\n");
		gate_power_off();
	}
	print("init: at the gate\n");
	gate->listener = (int)listener;
	for (;;) {
		if (!gate_accept(gate))
			continue;
		if (gate_serve(gate, words))
			break;
		CALL(close, gate->connection);
	}
	if (!gate->stays)
		CALL(close, listener);
}
