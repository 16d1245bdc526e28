# SPDX-License-Identifier: MIT
# Runs in a guest: writes to the file system at /data, makes sure of it by fsync() or sync(), and only
# then notes on /dev/vdb that it is safe, one sector a note. Number of rounds as argument.
# tests/system/test_power_cut.py knows what each note promises.
note() {
	printf '%-511d\n' "$1" | dd of=/dev/vdb bs=512 seek="$1" oflag=direct 2>/dev/null
}

lines() {
	yes "$1" | head -c "$2"
}

# Busybox has no fsync of its own.
fsync_to() {
	dd of="$1" bs=4k conv=fsync${2:+,$2} 2>/dev/null
}

mount -o remount,commit=1 /data
echo 10 >/proc/sys/vm/dirty_writeback_centisecs
echo 10 >/proc/sys/vm/dirty_expire_centisecs
lines 00000000 65536 >/data/same
lines 00000000 30000 >/data/swap
sync
note 0

round=0
while [ $round -lt "$1" ]; do
	round=$((round + 1))
	text=$(printf %08d $round)
	# beside it always something that nobody makes sure of
	lines "$text" 100000 >/data/loose.$((round % 4))

	lines "$text" $((round * 7919 % 150000)) | fsync_to /data/new.$round
	note $((4 * round))

	lines "$text" 30000 | fsync_to /data/swap.next
	mv /data/swap.next /data/swap
	sync
	note $((4 * round + 1))

	lines "$text" 65536 | fsync_to /data/same notrunc
	note $((4 * round + 2))

	rm -f /data/new.$((round - 5))
	sync
	note $((4 * round + 3))
done
echo ROUNDS''DONE
