/* SPDX-License-Identifier: MIT */
/*
 * Feeds the reader of WebSockets with a client's bytes in pieces: what comes out is the same as
 * when they come at once.
 */
#include "gateway/base/buffer.c"
#include "gateway/base/bytes.c"
#include "gateway/web/ws.c"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	static struct ws_message first, second;
	struct ws_reader whole = {0}, pieces = {0};
	size_t given = 0;

	buffer_add(&whole.input, bytes, count);
	for (;;) {
		int found = ws_read(&whole, &first);
		int again = ws_read(&pieces, &second);

		while (again == 0 && given < count) {
			buffer_add(&pieces.input, bytes + given++, 1);
			again = ws_read(&pieces, &second);
		}
		if (found != again)
			__builtin_trap();
		if (found != 1)
			break;
		if (first.opcode != second.opcode || first.count != second.count ||
		    memcmp(first.bytes, second.bytes, first.count) ||
		    first.count > WS_MESSAGE_BYTES || first.opcode == WS_CONTINUATION)
			__builtin_trap();
	}
	ws_reader_free(&whole);
	ws_reader_free(&pieces);
	return 0;
}
