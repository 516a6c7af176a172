# Types words and a tab into an interactive zsh, and prints what stands there then: SCRIPT WORDS EXPECTED…
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1= PROMPT_SP=; unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -u -D; source ${(q)1}; echo BE''GIN"
zpty -r shell shown '*BEGIN*'
shift
for words expected; do
  zpty -w -n shell "$words"$'\t'
  zpty -r shell shown "*$expected*" && print -r -- "$expected"
  zpty -w -n shell $'\x15' # an empty line again
done
