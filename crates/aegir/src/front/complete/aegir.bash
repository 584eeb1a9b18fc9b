# Completes `aegir` in bash: `source <(aegir completion bash)`.
_aegir() {
  local line=${COMP_LINE:0:COMP_POINT} current=${COMP_WORDS[COMP_CWORD]} answer
  answer=$("${COMP_WORDS[0]}" complete bash -- "$line" "$current" 2>/dev/null) || return 0
  if [[ $answer == :files ]]; then
    compopt -o default 2>/dev/null
    COMPREPLY=()
    return 0
  fi
  local IFS=$'\n'
  COMPREPLY=($answer)
  # What ends with `=` goes on.
  if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]]; then compopt -o nospace 2>/dev/null; fi
}
complete -F _aegir aegir
