// SPDX-License-Identifier: MIT
// A console's bytes by offset: what was printed before by GET, then live by WebSocket, again after
// each break from where it was, so that no byte is lost or shown twice.
import { ApiError, patientCall, request } from "./api.js";

const RETRY_MS = [500, 1000, 2000, 4000, 8000];
const ACK_BYTES = 16 << 10;
const ACK_MS = 100;
const REPLAY_STEPS = 8;
const REPLAY_MORE = 32 << 10;
const INPUT_BYTES = 1024;

export class ConsoleLink {
	/**
	 * sink: state(name, detail) with "connecting" | "live" | "lost" | "ended" and what was told;
	 * output(bytes, replayed) resolves when they are parsed; lost(count). `from`: the offset of the first byte that is wanted.
	 */
	constructor(name, mode, sink, take = false, from = 0n) {
		this.taking = take;
		this.path = `/vms/${encodeURIComponent(name)}/console`;
		this.mode = mode;
		this.sink = sink;
		this.offset = from;
		this.tries = 0;
		this.closed = false;
		this.busy = false;
		this.unacknowledged = 0;
		this.open();
	}

	async open() {
		this.sink.state("connecting");
		try {
			await this.replay();
			const { ticket } = await patientCall("POST", `${this.path}/tickets`, { mode: this.mode });
			if (!this.closed) {
				this.connect(ticket);
			}
		} catch (error) {
			const final = error instanceof ApiError && [401, 403, 404].includes(error.status);
			if (!this.closed) {
				final ? this.end(error) : this.retry(error.message);
			}
		}
	}

	/** What was printed until now. Nothing in it is answered, else old output would type. */
	async replay() {
		for (let step = 0; step < REPLAY_STEPS && !this.closed; step++) {
			const response = await request("GET", `${this.path}?from=${this.offset}`);
			const bytes = new Uint8Array(await response.arrayBuffer());
			if (this.closed) {
				return;
			}
			this.lost(Number(response.headers.get("Skerry-Lost") ?? 0));
			this.offset = BigInt(response.headers.get("Skerry-Next") ?? this.offset);
			await this.sink.output(bytes, true);
			if (bytes.length < REPLAY_MORE) {
				return;
			}
		}
	}

	lost(count) {
		if (count > 0) {
			this.sink.lost(count);
		}
	}


	connect(ticket) {
		const take = this.taking && this.mode === "write" ? "&take=yes" : "";
		const address = new URL(`/v1${this.path}?from=${this.offset}${take}`, location.href.replace(/^http/, "ws"));
		let opened = false;
		this.taking = false;
		const socket = new WebSocket(address, ["skerry.console.v1", `ticket.${ticket}`]);
		socket.binaryType = "arraybuffer";
		this.socket = socket;
		socket.onopen = () => {
			opened = true;
			this.tries = 0;
			this.sink.state("live");
		};
		socket.onmessage = ({ data }) => this.take(data);
		socket.onclose = ({ reason }) => {
			if (!this.closed && this.socket === socket) {
				this.socket = null;
				this.unacknowledged = 0;
				this.closedBy(opened, reason);
			}
		};
	}

	/** A refused WebSocket does not say why; one that wanted to type is most likely not the only one. */
	closedBy(opened, reason) {
		if (this.mode === "write" && !opened) {
			this.mode = "read";
			this.busy = true;
			this.open();
		} else {
			this.retry(reason);
		}
	}

	async take(data) {
		if (typeof data === "string") {
			try {
				const { from, lost } = JSON.parse(data);
				if (from !== undefined) {
					this.offset = BigInt(from);
				}
				this.lost(Number(lost ?? 0));
			} catch {
				// Not for us.
			}
			return;
		}
		const bytes = new Uint8Array(data);
		this.offset += BigInt(bytes.length);
		await this.sink.output(bytes, false);
		this.unacknowledged += bytes.length;
		if (this.unacknowledged >= ACK_BYTES) {
			this.acknowledge();
		} else {
			this.timer ??= setTimeout(() => this.acknowledge(), ACK_MS);
		}
	}

	acknowledge() {
		clearTimeout(this.timer);
		this.timer = undefined;
		if (this.unacknowledged && this.socket?.readyState === WebSocket.OPEN) {
			this.socket.send(JSON.stringify({ ack: this.unacknowledged }));
			this.unacknowledged = 0;
		}
	}

	send(bytes) {
		if (this.mode !== "write" || this.socket?.readyState !== WebSocket.OPEN) {
			return false;
		}
		for (let at = 0; at < bytes.length; at += INPUT_BYTES) {
			this.socket.send(bytes.subarray(at, at + INPUT_BYTES));
		}
		return true;
	}

	retry(why) {
		this.sink.state("lost", why);
		this.again = setTimeout(() => this.open(), RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)]);
	}

	end(error) {
		this.closed = true;
		this.sink.state("ended", error);
	}

	close() {
		this.closed = true;
		clearTimeout(this.again);
		clearTimeout(this.timer);
		this.socket?.close();
	}
}
