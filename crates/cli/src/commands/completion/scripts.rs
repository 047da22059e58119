//! The scripts. Each hands the line to `flux-operator __complete` and takes what that prints.

pub(super) const BASH: &str = r#"# bash completion for flux-operator
_flux_operator() {
    local cur="${COMP_WORDS[COMP_CWORD]}" line directive=0
    COMPREPLY=()
    while IFS= read -r line; do
        case "$line" in
            :*) directive="${line#:}" ;;
            *) COMPREPLY+=("${line%%$'\t'*}") ;;
        esac
    done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD-1}" "$cur" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[/=] ]]; then
        compopt -o nospace 2>/dev/null
    elif [[ ${#COMPREPLY[@]} -eq 0 && $directive -eq 0 ]]; then
        compopt -o default 2>/dev/null
    fi
}
complete -F _flux_operator flux-operator
"#;

pub(super) const ZSH: &str = r#"#compdef flux-operator
_flux_operator() {
    local line directive=0
    local -a candidates kinds
    while IFS= read -r line; do
        case "$line" in
            :*) directive="${line#:}" ;;
            *[/=]) kinds+=("${line%%$'\t'*}") ;;
            *) candidates+=("${line%%$'\t'*}") ;;
        esac
    done < <("${words[1]}" __complete "${(@)words[2,CURRENT-1]}" "${words[CURRENT]}" 2>/dev/null)
    (( $#kinds )) && compadd -S '' -- "${kinds[@]}"
    (( $#candidates )) && compadd -- "${candidates[@]}"
    if (( ! $#kinds && ! $#candidates && directive == 0 )); then
        _files
    fi
}
if [ "$funcstack[1]" = "_flux-operator" ]; then
    _flux_operator "$@"
else
    compdef _flux_operator flux-operator
fi
"#;

pub(super) const FISH: &str = r#"# fish completion for flux-operator
function __flux_operator_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l lines ($words[1] __complete $words[2..-1] 2>/dev/null)
    set -l directive $lines[-1]
    set -l candidates $lines[1..-2]
    if test (count $candidates) -gt 0
        printf '%s\n' $candidates
    else if test "$directive" = ":0"
        __fish_complete_path (commandline -ct)
    end
end
complete -c flux-operator -e
complete -c flux-operator -f -a '(__flux_operator_complete)'
"#;

pub(super) const POWERSHELL: &str = r#"# PowerShell completion for flux-operator
Register-ArgumentCompleter -Native -CommandName 'flux-operator' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |
        Select-Object -Skip 1 | ForEach-Object { $_.ToString() })
    $program = $commandAst.CommandElements[0].ToString()
    $lines = & $program __complete @words "$wordToComplete" 2>$null
    $lines | Where-Object { $_ -notlike ':*' } | ForEach-Object {
        [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
    }
}
"#;
