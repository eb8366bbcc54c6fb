/** Runs an effect as a component would; returns what ends it. */
export function inEffect(run: () => void): () => void {
  return $effect.root(() => {
    $effect(run);
  });
}
