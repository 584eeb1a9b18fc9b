# Completes `aegir` in fish: `aegir completion fish | source`.
function __aegir_complete
    set -l words (commandline -opc)
    set -l answer ($words[1] complete fish -- $words[2..] (commandline -ct) 2>/dev/null)
    if test "$answer[1]" = :files
        __fish_complete_path (commandline -ct)
    else
        printf '%s\n' $answer
    end
end
complete -c aegir -f -a '(__aegir_complete)'
