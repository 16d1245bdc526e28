# SPDX-License-Identifier: MIT
# bash completion for skerryctl: commands, options, keys, and the names of machines, snapshots, disks and tokens.

# The first column of what a command shows. Names have no blanks; nobody is asked anything: without a
# terminal and with a limit.
_skerryctl_names() {
	setsid -w timeout 2 "${COMP_WORDS[0]}" "$@" </dev/null 2>/dev/null |
		awk 'NR > 1 && $1 ~ /^[A-Za-z0-9._\/-]+$/ { print $1 }'
}

_skerryctl() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local words=() asked=() options i
	options='--host --socket --json --token-file --fingerprint --follow --read-only --take --force --yes --to --level --vm
		--limit --since --hours --scope --expires --role --overwrite --continue --env --file --output --timeout --user --workdir --egress --publish --volume --cpus --memory --warm --detach --interactive --terminal --ssh-option --image --cloud-init --net --size --store --profile --html --verify --help --version'
	COMPREPLY=()
	case $previous in
	--socket | --token-file | --image | --cloud-init | --html | --verify)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
		;;
	--profile)
		mapfile -t COMPREPLY < <(compgen -W 'hardened' -- "$current")
		return
		;;
	--role)
		mapfile -t COMPREPLY < <(compgen -W 'viewer operator admin auditor console-read console-write guest content' -- "$current")
		return
		;;
	--level)
		mapfile -t COMPREPLY < <(compgen -W 'error warning info debug' -- "$current")
		return
		;;
	--vm) ;;
	--to) ;;
	--host | --fingerprint | --limit | --since | --hours | --scope | --expires | --user | --env | --file | --output | --cpus | --memory | --timeout | --workdir | --egress | --publish | --volume | --warm | --ssh-option | --net | --size | --store) return ;;
	esac
	# The words that are no options; the same server is asked for names.
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--host | --socket | --token-file | --fingerprint)
			asked+=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}")
			((i++))
			;;
		--level | --vm | --limit | --since | --hours | --scope | --expires | --role | --to | --user | --env | --file | --output | --cpus | --memory | --timeout | --workdir | --egress | --publish | --volume | --warm | --ssh-option | --image | --cloud-init | --net | --size | --store | --profile | --html | --verify) ((i++)) ;;
		-*) ;;
		*) words+=("${COMP_WORDS[i]}") ;;
		esac
	done
	if [[ $previous == --vm ]]; then
		words=(console)
	elif [[ $previous == --to ]]; then
		words=(vm snapshot drop "${words[2]-}")
	elif [[ $current == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
		return
	fi
	local choices=
	case "${words[0]-} ${words[1]-}" in
	' ') choices='create vm run ps logs cp stop template disk store volume net file console connect ssh agent alert events history forecast log audit host report token user login logout password' ;;
	'vm ') choices='list show start stop kill pause resume reset renew trim snapshot clone save restore
		backup balloon inspect digest eject insert create set destroy' ;;
	'host ') choices='audit log-rotate reboot poweroff' ;;
	'alert ') choices='list create preview drop' ;;
	'alert drop') choices=$(_skerryctl_names "${asked[@]}" alert list) ;;
	'token ') choices='list create revoke' ;;
	'user ') choices='list create set password remove' ;;
	'disk ') choices='list restore' ;;
	'store ') choices='list quota grow scrub take format' ;;
	'volume ') choices='list stat create upload download clone snapshot resize rename rekey rollback export import copy drop' ;;
	'net ') choices='list' ;;
	'template ') choices="create list drop $(_skerryctl_names "${asked[@]}" vm list)" ;;
	'template create') [[ ${#words[@]} -eq 2 ]] && choices=$(_skerryctl_names "${asked[@]}" vm list) ;;
	'template drop') choices=$(_skerryctl_names "${asked[@]}" template list) ;;
	'vm create' | 'vm set')
		# A key, behind which its value stands; '=' begins another word for bash.
		if [[ ${#words[@]} -ge 3 && $previous != '=' ]]; then
			compopt -o nospace 2>/dev/null
			choices='kernel= initrd= cmdline= memory= vcpus= disk= net= port= channel= weight= cap= reserve= affinity=
				autostart= on_crash= stop_timeout= balloon= vsock= clock= trap='
		elif [[ ${words[1]} == set && ${#words[@]} -eq 2 ]]; then
			choices=$(_skerryctl_names "${asked[@]}" vm list)
		fi
		;;
	'vm snapshot')
		case ${#words[@]}${words[2]-} in
		2*) choices="list drop $(_skerryctl_names "${asked[@]}" vm list)" ;;
		3list | 3drop) choices=$(_skerryctl_names "${asked[@]}" vm list) ;;
		4drop) choices=$(_skerryctl_names "${asked[@]}" vm snapshot list "${words[3]}") ;;
		esac
		;;
	'vm clone')
		# NAME@SNAP are three words for bash.
		if [[ $previous == '@' && ${#words[@]} -eq 4 ]]; then
			choices=$(_skerryctl_names "${asked[@]}" vm snapshot list "${words[2]}")
		elif [[ ${#words[@]} -eq 2 ]]; then
			compopt -o nospace 2>/dev/null
			choices=$(_skerryctl_names "${asked[@]}" vm list)
		fi
		;;
	'console '* | 'connect ' | 'forecast ' | 'ssh ' | 'agent ' | 'run ' | 'vm show' | 'vm start' | 'vm stop' | 'vm kill' | 'vm pause' | 'vm resume' | 'vm reset' | 'vm renew' | 'vm trim' | \
		'vm destroy' | 'vm save' | 'vm restore' | 'vm backup' | 'vm balloon' | 'vm inspect' | 'vm digest' | 'vm eject' | 'vm insert')
		local list=(vm list)
		[[ ${#words[@]} -eq 3 && ${words[1]} == @(save|restore) ]] && list=(disk list)
		[[ ${#words[@]} -eq 3 && ${words[1]} == @(balloon|inspect|digest|eject|insert) ]] && return
		choices=$(_skerryctl_names "${asked[@]}" "${list[@]}")
		;;
	'logs ' | 'cp ' | 'stop ') choices=$(_skerryctl_names "${asked[@]}" ps) ;;
	'store format' | 'store quota' | 'store grow' | 'store scrub' | 'store take' | 'volume list')
		[[ ${#words[@]} -eq 2 ]] && choices=$(_skerryctl_names "${asked[@]}" store list)
		;;
	'volume copy') [[ ${#words[@]} -eq 2 ]] && choices='list cancel' ;;
	'volume export')
		[[ ${#words[@]} -eq 2 ]] && choices=$(_skerryctl_names "${asked[@]}" volume list)
		[[ ${#words[@]} -eq 3 ]] && choices=$(_skerryctl_names "${asked[@]}" disk list)
		;;
	'volume import') [[ ${#words[@]} -eq 3 ]] && choices=$(_skerryctl_names "${asked[@]}" disk list) ;;
	'volume stat' | 'volume clone' | 'volume snapshot' | 'volume resize' | 'volume rename' | 'volume rollback' | 'volume drop' | 'volume download')
		[[ ${#words[@]} -eq 2 ]] && choices=$(_skerryctl_names "${asked[@]}" volume list)
		;;
	'volume rekey')
		[[ ${#words[@]} -eq 2 ]] && choices="list cancel $(_skerryctl_names "${asked[@]}" volume list)"
		[[ ${#words[@]} -eq 3 && ${words[2]} == cancel ]] && choices=$(_skerryctl_names "${asked[@]}" volume list)
		;;
	'disk restore') choices=$(_skerryctl_names "${asked[@]}" disk list) ;;
	'user set' | 'user password' | 'user remove') choices=$(_skerryctl_names "${asked[@]}" user list) ;;
	'token revoke') choices=$(_skerryctl_names "${asked[@]}" token list) ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$current")
}
complete -F _skerryctl skerryctl
