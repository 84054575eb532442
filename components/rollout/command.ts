/**
 * How an engine starts a rollout. It is found from the project's folder and from stacks/, since an engine may run commands in either;
 * nothing absolute goes into the state. It takes the place of its shell: that the engine is gone it notices by its parent (alone.ts).
 */
export const rolloutCommand = 'PATH="components/rollout:../components/rollout:$PATH" exec rollout';
