import { defineConfig } from '@playwright/test'
import base from './playwright.config'

/** The pictures of the documentation, from the same program with the same content as the tests. */
export default defineConfig({ ...base, testMatch: 'pictures.ts', timeout: 600_000 })
