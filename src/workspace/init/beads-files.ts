/** What `bd init` writes into `.beads`, where nothing of that name is there yet. */
export const BEADS_FILES = {
  '.gitignore': `# What belongs to one machine.
*.db
*.db-*
bd.sock
daemon.*
before-init/
quarantine/
.*.tmp
`,
  'README.md': `# Issues of this project

This directory belongs to \`bd\` (the npm package \`beads-daemon\`), an issue tracker that lives in the git
repository. The issues are in the \`.jsonl\` file, one JSON object a line; \`beads.db\` is built from it.

    bd ready              what can be worked on
    bd create "Title"     a new issue
    bd status             how things are, and whether all is shared
`,
  'config.yaml': `# Settings of this project; \`bd config explain\` lists them all with their values.
`,
};
