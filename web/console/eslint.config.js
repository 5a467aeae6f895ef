import react from 'eslint-plugin-react'
import hooks from 'eslint-plugin-react-hooks'
import tseslint from 'typescript-eslint'

const texts = 'Texts here were written by attackers: render them as text nodes only.'

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '**/schema.d.ts', '**/test-results/**'] },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    plugins: { react, 'react-hooks': hooks },
    settings: { react: { version: '18' } },
    rules: {
      ...hooks.configs.recommended.rules,
      'react/no-danger': 'error',
      'react/no-danger-with-children': 'error',
      'react/jsx-key': 'error',
      'react/jsx-no-target-blank': 'error',
      'react/jsx-no-script-url': 'error',
      'no-eval': 'error',
      'no-implied-eval': 'error',
      'no-new-func': 'error',
      'no-restricted-properties': ['error',
        ...['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'srcdoc'].map((property) => ({ property, message: texts })),
        { object: 'document', property: 'write', message: texts }],
      'no-restricted-syntax': ['error',
        { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: texts },
        { selector: "Property[key.name='dangerouslySetInnerHTML']", message: texts },
        { selector: "JSXAttribute[name.name='srcDoc']", message: texts }],
      '@typescript-eslint/no-explicit-any': 'error',
    },
  },
  { files: ['**/scripts/**', '**/*.mjs'], languageOptions: { globals: { process: 'readonly', Buffer: 'readonly', console: 'readonly', URL: 'readonly', setTimeout: 'readonly', setInterval: 'readonly', clearInterval: 'readonly' } } },
)
