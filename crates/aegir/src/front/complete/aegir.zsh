#compdef aegir
# Completes `aegir` in zsh: `source <(aegir completion zsh)`, after `compinit`; or as `_aegir` in a folder of $fpath.
_aegir() {
  local -a lines names
  local line
  lines=("${(@f)$("${words[1]}" complete zsh -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ ${lines[1]} == :files ]]; then
    _files
    return
  fi
  for line in "${lines[@]}"; do
    [[ -n $line ]] && names+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
  done
  _describe 'aegir' names
}
if [[ ${funcstack[1]} == _aegir ]]; then _aegir "$@"; else compdef _aegir aegir; fi
