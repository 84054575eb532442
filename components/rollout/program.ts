/**
 * The rollout program as an engine's shell runs it. Found from the project's folder and from stacks/, since an engine may run commands
 * in either; nothing absolute goes into the state. It takes the shell's place (dash would stay between): a rollout stops when its parent
 * is gone (see alone.ts), and that must be the engine.
 */
export const program = 'PATH="components/rollout:../components/rollout:$PATH"; exec rollout';
