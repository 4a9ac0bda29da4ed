package dev.ariadne.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ModelConfigTest {
    @ParameterizedTest
    @MethodSource("dev.ariadne.model.TestModels#all")
    void bothStylesOfConfigurationSayTheSame(String model) throws IOException {
        Path folder = TestModels.RESOURCES.resolve("models").resolve(model);
        assertThat(read(folder.resolve("config.v5.json"))).isEqualTo(read(folder.resolve("config.json")));
    }

    private static ModelConfig read(Path json) throws IOException {
        return ConfigReader.read(ModelFiles.readJson(json), json.toString());
    }
}
