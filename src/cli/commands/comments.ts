import { BdError } from '../../core/errors.ts';
import type { CommandDefinition, Invocation } from '../command.ts';
import { requireIds } from '../issue-arguments.ts';
import { renderComments } from '../output/issue-details.ts';
import { readTextSource } from '../command-io.ts';

const addCommand: CommandDefinition = {
  name: 'add',
  parameters: '<id> [words...]',
  about: 'Add a comment',
  flags: [
    ['-f, --file <path>', 'take the text from a file; - is standard input'],
    ['-a, --author <name>', 'who says so'],
  ],
  run: addComment,
};

export const commentsCommand: CommandDefinition = {
  name: 'comments',
  parameters: '[id]',
  about: 'Show the comments of an issue, or add one',
  flags: [['--local-time', '']],
  subcommands: [addCommand],
  async run({ args, call, screen, print }) {
    const [id = ''] = requireIds(args);
    const { comments } = await call('list_comments', { issue_id: id });
    print({ json: comments, text: renderComments(comments, screen) || 'No comments.\n' });
  },
};

/** The older name of `comments add`, which some clients still use. */
export const commentCommand: CommandDefinition = { ...addCommand, name: 'comment', about: '' };

async function addComment(invocation: Invocation): Promise<void> {
  const { args, flags, call, actor, io, confirm } = invocation;
  const [id = '', ...words] = args;
  const path = flags.text('file');
  const text = path === undefined ? words.join(' ') : await readTextSource(path, io);
  if (text.trim() === '') {
    throw new BdError('USAGE', {
      message: 'comment text required',
      remedy: 'Write `bd comments add bd-a1 "Text"`, or take it from a file with --file.',
    });
  }
  const { comment } = await call('add_comment', {
    issue_id: id,
    text: text.trimEnd(),
    actor: flags.text('author') ?? actor,
  });
  confirm({ json: comment, text: `Added comment to ${comment.issue_id ?? id}\n` });
}
