// SPDX-License-Identifier: MIT
// SHA-256 (FIPS 180-4) of bytes that come a piece at a time: the browser's own wants all of them at once.
const primes = [2];
for (let n = 3; primes.length < 64; n += 2) {
	if (primes.every((prime) => n % prime)) {
		primes.push(n);
	}
}
const fraction = (root) => ((root % 1) * 2 ** 32) | 0;
const K = Int32Array.from(primes, (prime) => fraction(Math.cbrt(prime)));
const START = primes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));

const turn = (word, by) => (word >>> by) | (word << (32 - by));

export class Sha256 {
	#sum = Int32Array.from(START);
	#words = new Int32Array(64);
	#rest = new Uint8Array(64);
	#held = 0;
	#bytes = 0;

	#block(view, at) {
		const w = this.#words;
		for (let i = 0; i < 16; i++) {
			w[i] = view.getInt32(at + 4 * i);
		}
		for (let i = 16; i < 64; i++) {
			const [x, y] = [w[i - 15], w[i - 2]];
			w[i] = w[i - 16] + (turn(x, 7) ^ turn(x, 18) ^ (x >>> 3)) + w[i - 7] + (turn(y, 17) ^ turn(y, 19) ^ (y >>> 10));
		}
		let [a, b, c, d, e, f, g, h] = this.#sum;
		for (let i = 0; i < 64; i++) {
			const t = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
			const u = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
			[h, g, f, e, d, c, b, a] = [g, f, e, (d + t) | 0, c, b, a, (t + u) | 0];
		}
		[a, b, c, d, e, f, g, h].forEach((word, i) => { this.#sum[i] += word; });
	}

	add(bytes) {
		this.#bytes += bytes.length;
		let at = 0;
		if (this.#held) {
			at = Math.min(64 - this.#held, bytes.length);
			this.#rest.set(bytes.subarray(0, at), this.#held);
			this.#held += at;
			if (this.#held < 64) {
				return;
			}
			this.#block(new DataView(this.#rest.buffer), 0);
		}
		const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		for (; at + 64 <= bytes.length; at += 64) {
			this.#block(view, at);
		}
		this.#rest.set(bytes.subarray(at));
		this.#held = bytes.length - at;
	}

	/** The digest in hex digits; nothing can be added any more. */
	end() {
		const bits = this.#bytes * 8;
		const pad = new Uint8Array((this.#held < 56 ? 64 : 128) - this.#held);
		pad[0] = 0x80;
		const view = new DataView(pad.buffer);
		view.setUint32(pad.length - 8, Math.floor(bits / 2 ** 32));
		view.setUint32(pad.length - 4, bits >>> 0);
		this.add(pad);
		return Array.from(this.#sum, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
	}
}
