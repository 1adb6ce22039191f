import type { Workspace } from './workspace.ts';

/**
 * The same workspace for one command that may come again under its key. Its n-th change of a method is
 * stored with what it answered; when it comes again, that answer is returned and nothing is done. What
 * was refused stored nothing, and is tried again.
 */
export function repeatable(
  workspace: Workspace,
  { key }: { key: string },
): (method: string) => Workspace {
  let changes = 0;
  return (method) => {
    const write: Workspace['write'] = (change) => {
      changes += 1;
      const changeKey = `${key}.${changes}.${method}`;
      return workspace.write(() => {
        const { answers } = workspace.store;
        const answered = answers.get(changeKey);
        if (answered !== undefined) return JSON.parse(answered) as ReturnType<typeof change>;
        const result = change();
        answers.add(changeKey, JSON.stringify(result));
        return result;
      });
    };
    // Not a copy: some of its members are read anew each time.
    return Object.create(workspace, { write: { value: write } }) as Workspace;
  };
}
