#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes an ISO of a folder that boots by BIOS and UEFI, from a CD or a disk: iso.sh FOLDER FILE LIST
# The same files give the same bytes, wherever and whenever: dates, serial numbers and GUIDs are
# constants. LIST gets the SHA-1 and SHA-256 of each file in it.
set -eu

folder=$1 iso=$2 list=$3
grub=${GRUB_FOLDER:-/usr/lib/grub}

# The first date that a FAT has. What makes the FAT takes it from the environment.
date=1980010100000000
export SOURCE_DATE_EPOCH=315532800 TZ=UTC LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir "$root"
cp -R "$folder"/. "$root"

for platform in i386-pc x86_64-efi; do
	mkdir -p "$root/boot/grub/$platform"
	cp "$grub/$platform"/*.mod "$grub/$platform"/*.lst "$root/boot/grub/$platform"
done

# A name by which UEFI's GRUB finds this ISO and no other.
name=$(cd "$root" && find . -type f -print | sort | xargs -d '\n' sha256sum | sha256sum | cut -c 1-32)
: >"$root/boot/grub/$name.id"

grub-mkimage -O i386-pc-eltorito -d "$grub/i386-pc" -p /boot/grub \
	-o "$root/boot/grub/i386-pc/eltorito.img" biosdisk iso9660 part_msdos part_gpt

cat >"$work/early.cfg" <<END
search --set=root --file /boot/grub/$name.id
set prefix=(\$root)/boot/grub
END
grub-mkimage -O x86_64-efi -d "$grub/x86_64-efi" -p /boot/grub -c "$work/early.cfg" \
	-o "$work/BOOTX64.EFI" iso9660 part_msdos part_gpt search search_fs_file
mformat -C -f 2880 -L 16 -N 534b5259 -i "$root/efi.img" ::
mmd -i "$root/efi.img" ::/EFI ::/EFI/BOOT
mcopy -i "$root/efi.img" "$work/BOOTX64.EFI" ::/EFI/BOOT

(cd "$root" && find . -type f -print | sort | xargs -d '\n' sha1sum &&
	find . -type f -print | sort | xargs -d '\n' sha256sum) >"$list"

xorriso -as mkisofs -quiet -r -V SKERRY -volset "" \
	--modification-date=$date --set_all_file_dates $date --gpt_disk_guid modification-date \
	-b boot/grub/i386-pc/eltorito.img -no-emul-boot -boot-load-size 4 -boot-info-table \
	--grub2-boot-info --grub2-mbr "$grub/i386-pc/boot_hybrid.img" \
	--efi-boot efi.img -efi-boot-part --efi-boot-image --protective-msdos-label \
	-o "$iso" "$root"
