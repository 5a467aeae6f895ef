import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  base: '/console/',
  plugins: [react()],
  build: {
    target: 'es2022',
    sourcemap: false,
    // A data: URL is not of 'self'.
    assetsInlineLimit: 0,
    // The components' kit is one lazily parsed chunk of about this size; what is ours stays far below.
    chunkSizeWarningLimit: 1100,
    rollupOptions: {
      output: {
        manualChunks(id) {
          if (/node_modules\/(react|react-dom|scheduler|react-router|react-router-dom|@remix-run\/router)\//.test(id)) return 'react'
          if (/node_modules\/(echarts|zrender)\//.test(id)) return 'charts'
          return undefined
        },
      },
    },
  },
  server: { proxy: { '/v1': 'http://127.0.0.1:8787', '/admin': 'http://127.0.0.1:8787', '/console/api': 'http://127.0.0.1:8787', '/readyz': 'http://127.0.0.1:8787', '/openapi.json': 'http://127.0.0.1:8787' } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
})
