/** The files that `bd init` adds to `.beads`, unless one of that name exists. */
export const BEADS_FILES = {
  '.gitignore': `# Files of this machine only.
*.db
*.db-*
bd.sock
daemon.*
before-init/
quarantine/
.*.tmp
`,
  'README.md': `# Issues of this project

This directory belongs to \`bd\` (npm package \`beads-daemon\`), an issue tracker that keeps its issues in the
git repository. The \`.jsonl\` file has one issue per line, as JSON; \`beads.db\` is a database built from it.

    bd ready              list issues that are ready to work on
    bd create "Title"     create an issue
    bd status             show an overview, and whether everything is shared
`,
  'config.yaml': `# Project settings. \`bd config explain\` lists every setting and its value.
`,
};
