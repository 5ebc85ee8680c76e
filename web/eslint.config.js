import hooks from "eslint-plugin-react-hooks";
import { readdirSync } from "node:fs";
import tseslint from "typescript-eslint";

const features = readdirSync(new URL("./src/features", import.meta.url), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

/** api, lib, theme, i18n <- ui <- features <- app; a feature never imports another. */
const zones = [
  { target: "./src/api", from: ["./src/lib", "./src/ui", "./src/features", "./src/app"] },
  { target: "./src/lib", from: ["./src/ui", "./src/features", "./src/app"] },
  { target: "./src/ui", from: ["./src/features", "./src/app"] },
  { target: "./src/features", from: ["./src/app"] },
  ...features.map((name) => ({ target: `./src/features/${name}`, from: "./src/features", except: [`./${name}`] })),
];

export default tseslint.config(
  { ignores: ["dist", "node_modules", "public", "scripts", "src/api/generated.ts"] },
  ...tseslint.configs.strict,
  {
    files: ["**/*.{ts,tsx}"],
    plugins: { "react-hooks": hooks },
    rules: {
      ...hooks.configs.recommended.rules,
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-invalid-void-type": "off",
      // Leaving fields out of a record is done by taking it apart; what is left over starts with "_".
      "@typescript-eslint/no-unused-vars": ["error", { varsIgnorePattern: "^_", argsIgnorePattern: "^_", ignoreRestSiblings: true }],
      "@typescript-eslint/no-dynamic-delete": "off",
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            { group: ["../../*/../*"], message: "Import through ~/." },
            { group: ["**/index"], message: "No barrel files." },
          ],
        },
      ],
    },
  },
  ...zones.map(({ target, from, except = [] }) => ({
    files: [`${target.slice(2)}/**/*.{ts,tsx}`],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: (Array.isArray(from) ? from : [from])
            .map((folder) => folder.replace("./src/", "~/"))
            .flatMap((folder) =>
              except.length === 0
                ? [{ regex: `^${folder}(/|$)`, message: `${target} must not import ${folder}.` }]
                : [{ regex: `^${folder}/(?!${except.map((e) => e.slice(2)).join("|")}(/|$))`, message: "A feature imports no other feature." }],
            )
            .concat([{ regex: "^\\.\\./\\.\\./", message: "Leave a folder through ~/ so that import zones hold." }]),
        },
      ],
    },
  })),
);
